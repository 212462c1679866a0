// Argv → command → exit code. Every way to end goes through here.
import { CommanderError } from 'commander';
import { createCommands } from './commands.ts';
import { EXIT, tellOf } from './failure.ts';
import { createOutput } from './output.ts';
import { createSession } from './session.ts';
import { settingsOf } from './settings.ts';
import type { CliWiring, CommandIo, CommandStream } from './wiring.ts';

/**
 * Runs one command. `argv` is without the interpreter and the script. Resolves with the exit code (0 done, 1 it failed, 2 usage or
 * configuration, 3 no daemon, 130 Ctrl-C, 141 our reader went away) and never rejects; whatever is to be said has been said.
 */
export async function runCommand(argv: string[], io: CommandIo, wiring: CliWiring): Promise<number> {
  const json = isJson(argv);
  const output = createOutput(io, json);
  const pipe = watchPipe(io);
  const texts: string[] = [];
  let exit: number = EXIT.done;
  const program = createCommands({
    say: (text) => texts.push(text),
    version: wiring.version,
    width: Math.min(output.width(), 100),
    async run(options, perform) {
      const ending = { ...io, signal: AbortSignal.any([io.signal, pipe.closed]) };
      exit = await perform(createSession(ending, wiring, settingsOf(options, io), output));
    },
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return pipe.closed.aborted ? EXIT.pipe : exit;
  } catch (error) {
    if (pipe.closed.aborted) return EXIT.pipe;
    if (error instanceof CommanderError && error.exitCode === 0) {
      const text = texts.join('').trimEnd();
      output.result(error.code === 'commander.version' ? { version: wiring.version } : { help: text }, () => [text]);
      return EXIT.done;
    }
    const told = tellOf(error);
    // Without a command, commander has nothing to say but the help.
    const help = error instanceof CommanderError && error.code === 'commander.help' ? texts.join('').trimEnd() : null;
    if (help === null || json)
      output.fail(help === null ? told : { ...told, message: 'no command given; they are listed by: lockstep --help' });
    else io.stderr.write(`${help}\n`);
    return told.exit;
  } finally {
    pipe.stop();
  }
}

/** Known before the arguments are parsed, because their errors are told as JSON, too. */
function isJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return (end < 0 ? argv : argv.slice(0, end)).includes('--json');
}

/** `lockstep logs 42 | head`: when the reader goes, the command ends quietly instead of with a stack trace. */
function watchPipe({ stdout, stderr }: CommandIo): { closed: AbortSignal; stop(): void } {
  const controller = new AbortController();
  const onStdout = (): void => controller.abort();
  const onStderr = (): void => undefined;
  const streams: [CommandStream, () => void][] = [
    [stdout, onStdout],
    [stderr, onStderr],
  ];
  for (const [stream, listener] of streams) stream.on('error', listener);
  return {
    closed: controller.signal,
    stop() {
      // Left on for errors that come after the last write: a listener costs nothing, an unheard error ends the process.
      for (const [stream, listener] of streams) {
        stream.off('error', listener);
        stream.on('error', onStderr);
      }
    },
  };
}
