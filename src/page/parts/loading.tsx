// Something is being asked for, or could not be had.
import type { ApiFailure } from '../live/api.ts';

export const Loading = ({ what, failure }: { readonly what: string; readonly failure: ApiFailure | null }) =>
  failure === null ? (
    <div class="skeleton-row" aria-busy="true" role="status" aria-label={`The ${what} is being asked for`} />
  ) : (
    <p class="note tone-bad">{failure.message}</p>
  );
