// The log: only the lines in sight are in the document, however many there are. It follows the end until somebody scrolls up.
import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { STEPS } from '../../core/step.ts';
import { pieces } from '../live/ansi.ts';
import { ask } from '../live/api.ts';
import type { LiveLog } from '../live/deployment-log.ts';
import { matching } from '../live/log-filter.ts';
import { watch } from '../live/watch.ts';
import type { LogLine } from '../live/log-lines.ts';
import { query, setQuery } from '../live/location.ts';
import { grouped } from '../live/words.ts';
import { Icon } from '../parts/icons.tsx';

type Props = { readonly number: number; readonly log: LiveLog; readonly names: readonly string[] };

/** Pixels; the style sheet says the same. */
const LINE = 20;
const MARGIN_LINES = 20;
const HEIGHT = 440;

export function LogView({ number, log, names }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const isFollowing = useSignal(!/^#L\d+$/.test(location.hash));
  const top = useSignal(0);
  const marked = useSignal(Number(/^#L(\d+)$/.exec(location.hash)?.[1] ?? 0));
  const server = query.value.get('server');
  const step = query.value.get('step');
  const text = query.value.get('text') ?? '';
  const shown = useComputed(() => {
    const version = watch(log.version);
    const settings = query.value;
    const name = settings.get('server');
    const found = matching(log.lines, {
      server: name === null ? null : names.indexOf(name),
      step: settings.get('step'),
      text: settings.get('text') ?? '',
    });
    return { version, found, count: found?.length ?? log.lines.length };
  });
  const { found, count } = shown.value;

  useEffect(() => {
    if (isFollowing.value && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [count, isFollowing.value]);
  const isMarkedThere = marked.value > 0 && marked.value <= log.lines.length;
  useEffect(() => {
    if (isMarkedThere && box.current !== null) box.current.scrollTop = Math.max(0, (marked.value - 1) * LINE - HEIGHT / 2);
  }, [isMarkedThere]);

  const onScroll = (): void => {
    const element = box.current;
    if (element === null) return;
    top.value = element.scrollTop;
    const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < LINE;
    if (!isAtEnd && element.scrollTop < lastTop.current) isFollowing.value = false;
    else if (isAtEnd) isFollowing.value = true;
    lastTop.current = element.scrollTop;
  };
  const lastTop = useRef(0);
  const options = useMemo(
    () =>
      optionsOf(names, server).map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      )),
    [names, server],
  );
  const first = Math.max(0, Math.floor(top.value / LINE) - MARGIN_LINES);
  const end = Math.min(count, first + Math.ceil(HEIGHT / LINE) + 2 * MARGIN_LINES);
  const slice = found === null ? Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i) : found.slice(first, end);
  return (
    <section aria-label="Log" class="log-section">
      <div class="section-head">
        <h2>Log</h2>
        <span class="muted">
          {grouped(count)} {count === 1 ? 'line' : 'lines'}
          {log.dropped > 0 && `, ${grouped(log.dropped)} more are in the raw log`}
        </span>
        <div class="log-tools">
          <label class="filter">
            <Icon name="search" />
            <span class="visually-hidden">Filter the log by text</span>
            <input
              type="search"
              data-filter
              placeholder="Filter"
              value={text}
              onInput={(event) => setQuery('text', event.currentTarget.value)}
            />
          </label>
          <label class="select">
            <select aria-label="Step" value={step ?? ''} onChange={(event) => setQuery('step', event.currentTarget.value)}>
              <option value="">all steps</option>
              {STEPS.map((name) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          <label class="select">
            <select aria-label="Server" value={server ?? ''} onChange={(event) => setQuery('server', event.currentTarget.value)}>
              <option value="">all servers</option>
              {options}
            </select>
          </label>
          <button class="button" aria-pressed={isFollowing.value} onClick={() => (isFollowing.value = !isFollowing.value)}>
            <Icon name="down" /> Follow
          </button>
          <button class="button" onClick={() => void download(number)}>
            Raw
          </button>
        </div>
      </div>
      <div class="log" ref={box} onScroll={onScroll} tabIndex={0} role="log" aria-live="off" aria-label="Lines of the log">
        {count === 0 && <p class="muted log-empty">{log.lines.length === 0 ? 'Nothing has been written yet.' : 'No line matches.'}</p>}
        <div class="log-lines" style={{ height: `${count * LINE}px` }}>
          <div style={{ transform: `translateY(${first * LINE}px)` }}>
            {slice.map((index) => (
              <Line
                key={index}
                number={index + 1}
                line={log.lines[index]}
                isMarked={marked.value === index + 1}
                onMark={(value) => (marked.value = value)}
              />
            ))}
          </div>
        </div>
      </div>
    </section>
  );
}

type LineProps = {
  readonly number: number;
  readonly line: LogLine | undefined;
  readonly isMarked: boolean;
  readonly onMark: (number: number) => void;
};

function Line({ number, line, isMarked, onMark }: LineProps) {
  if (line === undefined) return null;
  const verb = line.event?.verb;
  return (
    <div class={`line ${isMarked ? 'is-marked' : ''} ${verb === 'failed' ? 'is-failed' : ''} ${line.at === null ? '' : 'is-event'}`}>
      <a
        class="line-number"
        href={`#L${number}`}
        tabIndex={-1}
        aria-label={`Line ${number}`}
        onClick={(event) => {
          event.preventDefault();
          history.replaceState(null, '', `${location.pathname}${location.search}#L${number}`);
          onMark(number);
        }}
      >
        {number}
      </a>
      {line.at !== null && <span class="line-time">{clock(line.at)}</span>}
      <span class="line-text">
        {pieces(line.text).map((piece, i) =>
          piece.style === '' ? (
            piece.text
          ) : (
            <span key={i} class={piece.style}>
              {piece.text}
            </span>
          ),
        )}
      </span>
    </div>
  );
}

const MOST_OPTIONS = 300;

/** A list of five thousand is no help: the chosen one and the first ones. */
function optionsOf(names: readonly string[], chosen: string | null): readonly string[] {
  const some = names.slice(0, MOST_OPTIONS);
  return chosen === null || some.includes(chosen) ? some : [chosen, ...some];
}

const clock = (at: number): string => new Date(at).toTimeString().slice(0, 8);

async function download(number: number): Promise<void> {
  const response = await ask(`deployments/${number}/log`);
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement('a');
  link.href = url;
  link.download = `deployment-${number}.log`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
