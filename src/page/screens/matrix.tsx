// Thousands of servers as one picture: a cell each, drawn when something has moved, at most once per frame.
import { useLayoutEffect, useRef } from 'preact/hooks';
import { effect } from '@preact/signals';
import { watchStates } from '../live/live-servers.ts';
import type { LiveServers } from '../live/live-servers.ts';
import { SERVER_STATES, toneOfServer } from '../live/words.ts';
import type { Tone } from '../live/words.ts';
import { isDark } from '../parts/theme.ts';

type Props = { readonly servers: LiveServers; readonly selected: string | null; readonly onSelect: (name: string | null) => void };
type Layout = { readonly columns: number; readonly size: number };

const TONES: readonly Tone[] = ['ok', 'run', 'wait', 'warn', 'bad', 'hold', 'idle'];
/** States that look alike in grey differ in shape: filled, ring, half, cross. */
const SHAPES: Readonly<Record<(typeof SERVER_STATES)[number], 'full' | 'ring' | 'half' | 'dot' | 'cross'>> = {
  idle: 'dot',
  scheduled: 'ring',
  uploading: 'half',
  uploaded: 'full',
  locking: 'half',
  locked: 'full',
  switching: 'half',
  switched: 'full',
  unlocking: 'half',
  live: 'full',
  skipped: 'ring',
  behind: 'cross',
  unreachable: 'cross',
  failed: 'cross',
};

export function Matrix({ servers, selected, onSelect }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const tip = useRef<HTMLDivElement>(null);
  const layout = useRef<Layout>({ columns: 1, size: 10 });

  useLayoutEffect(() => {
    const element = canvas.current;
    if (element === null) return undefined;
    let frame = 0;
    const drawn = { states: new Uint8Array(0), isDark: isDark.peek() };
    const paintNow = (): void => {
      cancelAnimationFrame(frame);
      frame = 0;
      paint(element, servers, layout, drawn);
    };
    const soon = (): void => {
      if (frame === 0) frame = requestAnimationFrame(paintNow);
    };
    const stop = effect(() => {
      watchStates(servers);
      if (isDark.value !== drawn.isDark) {
        drawn.isDark = isDark.value;
        drawn.states = new Uint8Array(0);
      }
      soon();
    });
    // Told after the layout and before it is shown: the first picture has its cells.
    const resize = new ResizeObserver(() => {
      drawn.states = new Uint8Array(0);
      paintNow();
    });
    if (element.parentElement !== null) resize.observe(element.parentElement);
    return () => {
      stop();
      resize.disconnect();
      cancelAnimationFrame(frame);
    };
  }, [servers]);

  const indexAt = (event: MouseEvent): number => {
    const { columns, size } = layout.current;
    const column = Math.floor(event.offsetX / size);
    const index = Math.floor(event.offsetY / size) * columns + column;
    return column < columns && index < servers.names.length ? index : -1;
  };
  const onMove = (event: MouseEvent): void => {
    const index = indexAt(event);
    if (tip.current === null) return;
    tip.current.hidden = index < 0;
    if (index < 0) return;
    tip.current.textContent = `${servers.names[index] ?? ''}: ${SERVER_STATES[servers.states[index] ?? 0] ?? ''}`;
    const width = canvas.current?.clientWidth ?? 0;
    tip.current.style.transform = `translate(${Math.min(event.offsetX + 12, width - 180)}px, ${event.offsetY + 18}px)`;
  };
  return (
    <div class="matrix">
      <canvas
        ref={canvas}
        role="img"
        aria-label={`${servers.names.length} servers, a cell each; their counts stand above, and those that are not well below`}
        onMouseMove={onMove}
        onMouseLeave={() => {
          if (tip.current !== null) tip.current.hidden = true;
        }}
        onClick={(event) => {
          const name = servers.names[indexAt(event)] ?? null;
          onSelect(name === selected ? null : name);
        }}
      />
      <div ref={tip} class="tip" hidden />
    </div>
  );
}

/** Cells as large as fit well: few servers get large ones. */
function layoutFor(count: number, width: number): Layout {
  const size = count > 2_000 ? 10 : count > 500 ? 13 : 18;
  return { columns: Math.max(1, Math.floor(width / size)), size };
}

/** Draws the cells that changed since the last time; all of them after a change of size or colours. */
function paint(canvas: HTMLCanvasElement, servers: LiveServers, layout: { current: Layout }, drawn: { states: Uint8Array }): void {
  const context = canvas.getContext('2d', { alpha: true });
  if (context === null) return;
  const { states } = servers;
  const isWhole = drawn.states.length !== states.length;
  const ratio = Math.min(2, devicePixelRatio);
  if (isWhole) {
    const width = canvas.parentElement?.clientWidth ?? 300;
    layout.current = layoutFor(states.length, width);
    const height = Math.ceil(states.length / layout.current.columns) * layout.current.size;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.height = `${height}px`;
    drawn.states = new Uint8Array(states.length).fill(255);
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const colours = coloursOf(canvas);
  const { columns, size } = layout.current;
  // Neighbours are mostly in the same state: a colour is read from its text when it changes, not for each cell.
  let inked: string | null = null;
  for (let i = 0; i < states.length; i++) {
    const code = states[i] ?? 0;
    if (drawn.states[i] === code) continue;
    drawn.states[i] = code;
    const state = SERVER_STATES[code] ?? 'idle';
    const colour = colours[toneOfServer(state)];
    if (colour !== inked) {
      context.fillStyle = colour;
      context.strokeStyle = colour;
      inked = colour;
    }
    const [x, y] = [(i % columns) * size, Math.floor(i / columns) * size];
    if (!isWhole) context.clearRect(x, y, size, size);
    drawCell(context, x, y, size, SHAPES[state]);
  }
}

function drawCell(context: CanvasRenderingContext2D, x: number, y: number, size: number, shape: string): void {
  const gap = size > 12 ? 2 : 1;
  const side = size - gap * 2;
  if (shape === 'full') {
    context.fillRect(x + gap, y + gap, side, side);
  } else if (shape === 'half') {
    context.fillRect(x + gap, y + gap + side / 2, side, side / 2);
    context.lineWidth = 1;
    context.strokeRect(x + gap + 0.5, y + gap + 0.5, side - 1, side - 1);
  } else if (shape === 'ring') {
    context.lineWidth = 1;
    context.strokeRect(x + gap + 0.5, y + gap + 0.5, side - 1, side - 1);
  } else if (shape === 'dot') {
    context.fillRect(x + size / 2 - 1, y + size / 2 - 1, 2, 2);
  } else {
    context.lineWidth = size > 12 ? 2.5 : 2;
    context.beginPath();
    context.moveTo(x + gap, y + gap);
    context.lineTo(x + gap + side, y + gap + side);
    context.moveTo(x + gap + side, y + gap);
    context.lineTo(x + gap, y + gap + side);
    context.stroke();
  }
}

function coloursOf(element: Element): Record<Tone, string> {
  const style = getComputedStyle(element);
  return Object.fromEntries(TONES.map((tone) => [tone, style.getPropertyValue(`--${tone}`).trim()])) as Record<Tone, string>;
}
