// When a time that a person wrote will be: the next such time of the day, or a given date.

/** The farthest that a deployment may be put off: 30 days. */
const LATEST_MS = 30 * 86_400_000;

/**
 * `text` as core/push-options.ts allows it, in the time zone of the daemon (with a Z: UTC); `from`: when it was said. Both in milliseconds
 * since 1970. A time of the day is the next one after `from`. `null`: there is no such date, or it is more than 30 days away.
 */
export function whenIs(text: string, from: number): number | null {
  const isDate = text.includes('T');
  const at = isDate ? Date.parse(text.replace(/T(..:..)Z$/, 'T$1:00Z')) : nextTimeOfDay(text, from);
  return Number.isNaN(at) || at > from + LATEST_MS ? null : at;
}

function nextTimeOfDay(text: string, from: number): number {
  const [hours = NaN, minutes = NaN, seconds = 0] = text.replace(/Z$/, '').split(':').map(Number);
  const day = new Date(from);
  // Setting the day by its number, not adding 24 hours: days on which the clocks change are longer or shorter.
  for (const ahead of [0, 1]) {
    const at = new Date(day);
    if (text.endsWith('Z')) {
      at.setUTCDate(day.getUTCDate() + ahead);
      at.setUTCHours(hours, minutes, seconds, 0);
    } else {
      at.setDate(day.getDate() + ahead);
      at.setHours(hours, minutes, seconds, 0);
    }
    if (at.getTime() > from) return at.getTime();
  }
  return NaN;
}
