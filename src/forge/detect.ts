// Guesses from its headers which forge sent a delivery, to tell an operator about a wrong setting. Nothing is ever decided by it.
import type { Forge } from '../core/forge.ts';
import type { HookHeaders } from '../core/hook.ts';

/** The most particular first: Forgejo sends the headers of Gitea, Gogs and GitHub too. `null`: it looks like nobody. */
export function detectForge(headers: HookHeaders): Forge | null {
  const has = (name: string): boolean => headers[name] !== undefined;
  if (has('x-forgejo-event')) return 'forgejo';
  if (has('x-gitea-event')) return 'gitea';
  if (has('x-gogs-event')) return 'gogs';
  if (has('x-github-event')) return 'github';
  if (has('x-gitlab-event')) return 'gitlab';
  if (has('x-gitee-event')) return 'gitee';
  if (has('x-event-key')) return has('x-hook-uuid') || has('x-attempt-number') ? 'bitbucket-cloud' : 'bitbucket-server';
  return null;
}
