// Text from outside as HTML or XML: nothing in it is markup, and nothing steers the reader.
import { visibleLine } from '../core/escape.ts';

/** For text and for attributes in quotes, in HTML and XML 1.0. Control characters, and the two that XML forbids, become visible. */
export const escaped = (text: string): string =>
  visibleLine(text)
    .replace(/[\ufffe\uffff]/g, (found) => `\\u${found.charCodeAt(0).toString(16)}`)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');

/** A name as one segment of a path, ready for an attribute. */
export const segment = (name: string): string => encodeURIComponent(name.replace(/\p{Cs}/gu, '\ufffd')).replaceAll("'", '%27');

export const subject = (message: string | null): string => (message ?? '').trimStart().split('\n', 1)[0] ?? '';
