// Something that is asked for once and again when events say that it may have changed: lists, histories, single things.
import { signal } from '@preact/signals';
import type { Signal } from '@preact/signals';
import type { EventView } from '../../core/views.ts';
import { ApiFailure, get } from './api.ts';
import { listen } from './event-stream.ts';
import { createThrottle } from './throttle.ts';

export type Resource<T> = {
  readonly value: Signal<T | null>;
  readonly failure: Signal<ApiFailure | null>;
  refresh(): void;
  close(): void;
};

const PAUSE_MS = 700;

/** `isTouched`: does the event mean that it may have changed? */
export function openResource<T>(path: string, isTouched: (event: EventView) => boolean): Resource<T> {
  const value = signal<T | null>(null);
  const failure = signal<ApiFailure | null>(null);
  const controller = new AbortController();
  const refresh = createThrottle(async () => {
    try {
      value.value = await get<T>(path, controller.signal);
      failure.value = null;
    } catch (error) {
      if (error instanceof ApiFailure) failure.value = error;
    }
  }, PAUSE_MS);
  const unlisten = listen({
    onResync: refresh,
    onEvents: (events) => {
      if (events.some(isTouched)) refresh();
    },
  });
  refresh();
  return {
    value,
    failure,
    refresh,
    close() {
      controller.abort();
      unlisten();
    },
  };
}
