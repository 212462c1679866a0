// A resource for as long as a screen shows it.
import { useEffect, useMemo } from 'preact/hooks';
import type { EventView } from '../../core/views.ts';
import { openResource } from '../live/resource.ts';
import type { Resource } from '../live/resource.ts';

export function useResource<T>(path: string, isTouched: (event: EventView) => boolean): Resource<T> {
  const resource = useMemo(() => openResource<T>(path, isTouched), [path]);
  useEffect(() => resource.close, [resource]);
  return resource;
}
