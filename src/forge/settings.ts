// What a person has to enter in the webhook settings of a forge.
import type { Forge } from '../core/forge.ts';
import { PROVIDERS } from './providers.ts';

export type SettingsRequest = {
  readonly repository: string;
  readonly forge: Forge | null;
  /** `<daemon>/hooks/<repository>`. */
  readonly url: string;
  readonly secret: string;
  /** How many secrets are valid now, and how many were until a moment ago. */
  readonly inForce: number;
  readonly retired: number;
};

/** Lines for a terminal. */
export function settingsFor({ repository, forge, url, secret, inForce, retired }: SettingsRequest): readonly string[] {
  const lines = [`URL     ${url}`, `secret  ${secret}`, ''];
  if (forge === null) {
    lines.push(
      `"forge" of ${repository} is not set: only our own hooks are understood.`,
      `  On this machine: lockstep hooks install PATH --repository ${repository}`,
      `  For a forge, set it in the configuration, one of: ${Object.keys(PROVIDERS).join(', ')}`,
    );
  } else {
    const { title, settings } = PROVIDERS[forge];
    lines.push(`Paste this into ${title}:`, ...settings(url, secret).map((line) => `  ${line}`));
  }
  if (isLoopback(url)) {
    lines.push('', 'This address is reached from this machine only. With a proxy in front: --url https://deploy.example.org');
  }
  if (retired > 0) lines.push('', `${retired === 1 ? 'The older secret is' : `${retired} older secrets are`} not valid any more.`);
  if (inForce > 1) {
    lines.push(
      '',
      `${inForce} secrets are valid. When every webhook and hook uses the new one (own hooks: lockstep hooks install), retire the others:`,
      `  lockstep hooks secret ${repository} --retire`,
    );
  }
  return lines;
}

const isLoopback = (url: string): boolean => /^https?:\/\/(localhost|127\.[\d.]+|\[::1\])(:|\/)/i.test(url);
