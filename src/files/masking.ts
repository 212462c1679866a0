// Masking: no secret of a running deployment is written where people may read it, in none of the forms that programs print.
import type { Masking } from '../core/ports.ts';
import { formsOf, SHORTEST } from './encodings.ts';
import { createFinder } from './finder.ts';
import type { Finder } from './finder.ts';

export type SecretMasking = Masking & {
  /** From now on these values are masked, everywhere: deployments side by side may share a build. */
  learn(deployment: number, values: Iterable<string>): void;
  forget(deployment: number): void;
};

const MASK = '••••';

/** `covered`: so many of its characters stand for a mask that was written already. */
type Rest = { readonly text: string; readonly covered: number };
type Span = [start: number, end: number];

export function createMasking(): SecretMasking {
  const known = new Map<number, ReadonlySet<string>>();
  const rests = new Map<number, Rest>();
  let forward: Finder | null = null;
  let backward: Finder | null = null;

  const rebuild = (): void => {
    const forms = new Set([...known.values()].flatMap((values) => [...values]).flatMap((value) => [...formsOf(value)]));
    forward = forms.size === 0 ? null : createFinder(forms);
    backward = forms.size === 0 ? null : createFinder([...forms].map(reversed));
  };

  return {
    learn(deployment, values) {
      const all = new Set(values);
      if (all.size === 0) return;
      known.set(deployment, all);
      rebuild();
    },
    forget(deployment) {
      if (known.delete(deployment)) rebuild();
    },
    mask(text) {
      if (forward === null || backward === null) return text;
      const spans: Span[] = [];
      const tail = forward.scan(text, (start, end) => cover(spans, start, end));
      const head = backward.scan(reversed(text), () => undefined);
      if (tail >= SHORTEST) cover(spans, text.length - tail, text.length);
      if (head >= SHORTEST && (spans[0]?.[0] ?? head) > 0) spans.unshift([0, Math.min(head, spans[0]?.[0] ?? head)]);
      return masked(text, spans, 0, text.length);
    },
    follow(log, text) {
      const { text: before, covered } = rests.get(log) ?? { text: '', covered: 0 };
      if (forward === null) {
        rests.delete(log);
        return before.slice(covered) + text;
      }
      const all = before + text;
      const spans: Span[] = covered > 0 ? [[0, covered]] : [];
      const held = all.length - forward.scan(all, (start, end) => cover(spans, start, end));
      const written = spans.findLast(([start]) => start < held || (start === 0 && covered > 0));
      rests.set(log, { text: all.slice(held), covered: Math.max(0, (written?.[1] ?? 0) - held) });
      return masked(all, spans, covered, held);
    },
    end(log) {
      const { text, covered } = rests.get(log) ?? { text: '', covered: 0 };
      rests.delete(log);
      const spans: Span[] = covered > 0 ? [[0, covered]] : [];
      forward?.scan(text, (start, end) => cover(spans, start, end));
      return masked(text, spans, covered, text.length);
    },
  };
}

const reversed = (text: string): string => text.split('').reverse().join('');

/** Adds a span that ends behind all others; those that it overlaps become one with it. */
function cover(spans: Span[], start: number, end: number): void {
  let from = start;
  for (let last = spans.at(-1); last !== undefined && last[1] > from; last = spans.at(-1)) {
    from = Math.min(from, last[0]);
    spans.pop();
  }
  spans.push([from, end]);
}

/** `text` up to `end`, with a mask for each span that begins before; for the one at `covered` it was written already. */
function masked(text: string, spans: readonly Span[], covered: number, end: number): string {
  let result = '';
  let from = 0;
  for (const [start, stop] of spans) {
    if (start >= end) break;
    result += text.slice(from, start);
    if (start > 0 || covered === 0) result += MASK;
    from = stop;
  }
  return result + text.slice(Math.min(from, end), end);
}
