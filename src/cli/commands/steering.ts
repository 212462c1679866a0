// Commands that steer one deployment, named by its number.
import type { Command } from 'commander';
import { showProgress } from '../progress.ts';
import { abort, approve, pause, reject, resume, retry, skip } from '../requests.ts';
import { wholeNumber } from './options.ts';
import type { Does } from './definition.ts';

export function steeringCommands(program: Command, does: Does): void {
  const numbered = (name: string, description: string): Command =>
    program.command(name).description(description).argument('<number>', 'number of the deployment', wholeNumber);
  does(numbered('wait', 'follow a deployment to its end; exit 0 only if it is done'), (session, [number]) =>
    showProgress(session, Number(number)),
  );
  does(numbered('abort', 'stop a deployment; before the switch nothing has changed, after it the servers go back'), (session, [number]) =>
    abort(session, Number(number)),
  );
  does(numbered('pause', 'begin nothing new in a deployment until it is resumed; possible until users could notice'), (session, [number]) =>
    pause(session, Number(number)),
  );
  does(numbered('resume', 'let a paused deployment go on'), (session, [number]) => resume(session, Number(number)));
  does(numbered('approve', "let somebody else's deployment begin that waits for approval"), (session, [number]) =>
    approve(session, Number(number)),
  );
  does(
    numbered('reject', 'give up a deployment that waits for approval').option('--reason <text>', 'why, for the others'),
    (session, [number], { reason = '' }: { reason?: string }) => reject(session, Number(number), reason),
  );
  does(
    numbered('skip', 'leave a server out of a running deployment; it catches up afterwards').argument('<server>'),
    (session, [number, server = '']) => skip(session, Number(number), server),
  );
  does(
    numbered('retry', 'the same deployment again; with a server, bring up that one, which was left behind')
      .argument('[server]')
      .option('--wait', 'follow it to the end; exit 0 only if it is done'),
    (session, [number, server], { wait }: { wait?: boolean }) => retry(session, Number(number), server ?? null, wait === true),
  );
}
