// In which forms a secret may show up in what programs print: as it is, and in the encodings that programs use.

/** Shorter values are not masked: they would tear holes into every text. */
export const SHORTEST = 6;

/** What must not be read anywhere when `value` is a secret; nothing for a value of fewer than 6 characters. */
export function formsOf(value: string): ReadonlySet<string> {
  if (value.length < SHORTEST) return new Set();
  const lines = value.includes('\n') ? value.split(/\r?\n/) : [];
  const json = JSON.stringify(value).slice(1, -1);
  const all = [
    value,
    ...lines,
    json,
    json.replaceAll('/', '\\/'),
    ...inShell(value),
    ...asBase64(value),
    ...asHex(value),
    ...inUrls(value),
  ];
  return new Set(all.filter((form) => form.length >= SHORTEST));
}

/** As `set -x` and `printf %q` write it. */
const inShell = (value: string): string[] => [value.replaceAll("'", "'\\''"), value.replace(/([^A-Za-z0-9_.,:/=@%+\n-])/g, '\\$1')];

/** Also as a part of something larger (`user:password`), where its bytes stand at any of three places of a group. */
function asBase64(value: string): string[] {
  const whole = Buffer.from(value).toString('base64');
  const within = [0, 1, 2].map((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), Buffer.from(value)])
      .toString('base64')
      .replace(/=+$/, '');
    // Characters at both ends that hold bits of its neighbours too are left out.
    const isWholeGroup = (offset + Buffer.byteLength(value)) % 3 === 0;
    return encoded.slice([0, 2, 3][offset], isWholeGroup ? undefined : -1);
  });
  const standard = [whole, whole.replace(/=+$/, ''), ...within];
  const forUrls = standard.map((form) => form.replaceAll('+', '-').replaceAll('/', '_'));
  return [...standard, ...forUrls, wrapped(whole, 76), wrapped(whole, 64), encodeURIComponent(whole)];
}

function asHex(value: string): string[] {
  const hex = Buffer.from(value).toString('hex');
  return [hex, hex.toUpperCase(), wrapped(hex, 60), spaced(hex, ' '), spaced(hex, ':'), spaced(hex.toUpperCase(), ':')];
}

/** encodeURIComponent leaves `!'()*` alone, others do not; some leave `/`; forms write a space as `+`; the digits may be small. */
function inUrls(value: string): string[] {
  const strict = encodeURIComponent(value).replace(/[!'()*]/g, (found) => `%${found.charCodeAt(0).toString(16).toUpperCase()}`);
  const every = Buffer.from(value)
    .toString('hex')
    .replace(/../g, (digits) => `%${digits}`);
  const forms = [encodeURIComponent(value), encodeURI(value), strict, strict.replaceAll('%2F', '/'), every.toUpperCase()];
  const all = [...forms, ...forms.map((form) => form.replaceAll('%20', '+')), strict.replaceAll('~', '%7E').replaceAll('%20', '+')];
  return all.flatMap((form) => [form, form.replace(/%../g, (found) => found.toLowerCase())]);
}

const wrapped = (text: string, width: number): string => text.replace(new RegExp(`(.{${width}})(?=.)`, 'g'), '$1\n');

const spaced = (hex: string, separator: string): string => hex.replace(/..(?=.)/g, `$&${separator}`);
