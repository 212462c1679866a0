// What a failed git or svn becomes for the operator.
import { DeployError } from '../core/errors.ts';

/** Removes what a remote may not do to a terminal, and passwords that slipped into a URL. */
export function clean(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')

    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '?')
    .replace(/([a-z][a-z0-9+.-]*:\/\/)[^/\s@:]*:[^/\s@]*@/gi, '$1***@');
}

/** The last lines of a program's complaint, at most 4 kB. */
export const tail = (text: string): string => clean(text).trim().slice(-4_000);

/** The line that says it best: what ssh said, else the last `fatal:`, `error:` or `svn: E…` line, else the last line. */
export function lastLine(text: string): string {
  const lines = tail(text)
    .split('\n')
    .filter((line) => line.trim() !== '');
  const ofSsh = lines.filter((line) => /^ssh: |^Host key verification|Permission denied \(/.test(line));
  const telling = lines.filter((line) => /^(?:fatal|error|svn): /.test(line) && !/Could not read from remote repository/.test(line));
  return (ofSsh.at(-1) ?? telling.at(-1) ?? lines.at(-1) ?? 'it said nothing').trim().slice(0, 500);
}

/**
 * A failure of version control. `tried` is what was tried and where (`fetch of servers/demo from shop (https://…)`), `output` what the
 * program printed; what to do next is added from what it says.
 */
export function repositoryError(tried: string, output: string, cause?: unknown): DeployError {
  if (/No space left on device|Disk quota exceeded|ENOSPC|EDQUOT/.test(output)) {
    return new DeployError(
      'disk',
      `${tried} failed: no space left. Free disk space for the daemon's data directory, then deploy again.`,
      tail(output),
      cause,
    );
  }
  return new DeployError('repository', `${tried} failed: ${lastLine(output)}. ${advice(output)}`, tail(output), cause);
}

function advice(output: string): string {
  if (/Host key verification failed/i.test(output)) return 'Add the host key to the known_hosts file of the repository after checking it.';
  if (
    /Authentication failed|authorization failed|Permission denied|E170001|E215004|could not read Username|terminal prompts disabled|403 Forbidden|error: 40[13]/i.test(
      output,
    )
  ) {
    return 'Check the identity, username and passwordFile of the repository and what that account may read.';
  }
  if (/not appear to be a git repository|repository .* not found|E180001|E170000|error: 404/i.test(output))
    return 'Check the url of the repository.';
  if (/error: 30[1278]/.test(output)) return 'The server redirects: put the address it redirects to into the url of the repository.';
  return 'Check that the repository can be reached from this machine; the daemon tries again at the next change or poll.';
}

/** The error of a system call as an operator can act on it: a full disk, or a data directory that is not the daemon's. Others stay. */
export function diskError(error: unknown, directory: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new DeployError(
      'disk',
      `writing below ${directory} failed: no space left. Free disk space, then deploy again.`,
      String(error),
      error,
    );
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new DeployError(
      'configuration',
      `writing below ${directory} failed (${code}). It must belong to the daemon's account.`,
      String(error),
      error,
    );
  }
  return error;
}

/** What was thrown, as an error. */
export const errorOf = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));
