// Room for a limited number of strangers: who comes when it is full gets the place of whoever has been there longest.

export type Place = {
  /** So much of the room is taken by this place now. */
  hold(size: number): void;
  /** Who has proved who they are is not sent away any more; until `unpin`, which puts the place at the end of the row. */
  pin(): void;
  unpin(): void;
  leave(): void;
};

export type Room = {
  /** `evict` is called when the place is given to somebody else, perhaps at once; it has been left then. */
  enter(address: string, size: number, evict: () => void): Place;
};

type Row = { size: number; readonly places: Set<Standing> };
type Standing = { readonly address: string; size: number; isIn: boolean; isPinned: boolean; readonly evict: () => void };

/**
 * Places of those who are not known are given away by address: the one that takes most of the room loses its oldest, so that a flood from one
 * address leaves the others alone, and a flood from many leaves whoever needs only a moment.
 */
export function createRoom(capacity: number): Room {
  const rows = new Map<string, Row>();
  let taken = 0;

  function put(one: Standing): void {
    const row = rows.get(one.address) ?? { size: 0, places: new Set<Standing>() };
    rows.set(one.address, row);
    row.places.add(one);
    row.size += one.size;
  }

  function take(one: Standing): void {
    const row = rows.get(one.address);
    if (row?.places.delete(one) !== true) return;
    row.size -= one.size;
    if (row.places.size === 0) rows.delete(one.address);
  }

  function leave(one: Standing): void {
    if (!one.isIn) return;
    one.isIn = false;
    taken -= one.size;
    take(one);
  }

  function makeRoom(): void {
    while (taken > capacity) {
      const largest = [...rows.values()].reduce<Row | null>((most, row) => (most === null || row.size > most.size ? row : most), null);
      const victim = [...(largest?.places ?? [])].find(({ size }) => size > 0);
      if (victim === undefined) return;
      leave(victim);
      victim.evict();
    }
  }

  return {
    enter(address, size, evict) {
      const one: Standing = { address, size, isIn: true, isPinned: false, evict };
      taken += size;
      put(one);
      makeRoom();
      return {
        hold(next) {
          if (!one.isIn) return;
          const row = one.isPinned ? undefined : rows.get(address);
          if (row !== undefined) row.size += next - one.size;
          taken += next - one.size;
          one.size = next;
          makeRoom();
        },
        pin() {
          one.isPinned = true;
          take(one);
        },
        unpin() {
          if (!one.isIn || !one.isPinned) return;
          one.isPinned = false;
          put(one);
        },
        leave: () => leave(one),
      };
    },
  };
}
