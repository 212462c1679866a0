// The frame of a chart: title, background, and colours that follow the reader's light or dark scheme.

/** px, as all lengths. */
export const WIDTH = 900;
const FONT = 14;
/** Between the middles of two lines of text. */
export const LINE = 17;
export const MARGIN = 24;
/** Where the drawing begins, below title and note. */
export const TOP = 76;

/** Colours of lines and bars: ours, and the others'. They only help: each line and bar has its name and value beside it. */
const OURS = [
  { light: '#0b57d0', dark: '#8ab4f8' },
  { light: '#00838f', dark: '#4dd0e1' },
];
const OTHERS = [
  { light: '#6b7280', dark: '#9ca3af' },
  { light: '#8a6d00', dark: '#e3b341' },
  { light: '#b45309', dark: '#f59e5b' },
  { light: '#b91c1c', dark: '#f28b82' },
  { light: '#7e22ce', dark: '#c58af9' },
  { light: '#be185d', dark: '#f48fb1' },
];

export const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** How wide a text is, about: nobody here has fonts. Rather too much. */
export const widthOf = (text) => text.length * FONT * 0.56;

/** The class of each series, in their order: `o0`, `o1`, … are ours, `c0`, `c1`, … the others. */
export function coloursOf(series) {
  let ours = 0;
  let others = 0;
  return series.map(({ isOurs }) => (isOurs ? `o${ours++ % OURS.length}` : `c${others++ % OTHERS.length}`));
}

const rules = (scheme) =>
  [...OURS.map((one, i) => `.o${i}{color:${one[scheme]}}`), ...OTHERS.map((one, i) => `.c${i}{color:${one[scheme]}}`)].join('');

const STYLE = `
text{font:${FONT}px system-ui,"DejaVu Sans",sans-serif;fill:#1f2328}
.paper{fill:#fff}.quiet{fill:#59636e}.grid{stroke:#d1d9e0}
.title{font-size:18px;font-weight:600}.ours{font-weight:600}
.colour{fill:currentColor}.line{fill:none;stroke:currentColor;stroke-linejoin:round}
${rules('light')}
@media(prefers-color-scheme:dark){
text{fill:#f0f6fc}.paper{fill:#0d1117}.quiet{fill:#9198a1}.grid{stroke:#3d444d}
${rules('dark')}
}`;

/** `height` and `parts` of the drawing; `description` is for who does not see it. */
export function picture(height, { title, note, description }, parts) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title desc">
<title id="title">${escape(title)}</title>
<desc id="desc">${escape(description)}</desc>
<style>${STYLE}
</style>
<rect class="paper" width="${WIDTH}" height="${height}" rx="6"/>
<text class="title" x="${MARGIN}" y="36">${escape(title)}</text>
<text class="quiet" x="${MARGIN}" y="58">${escape(note)}</text>
${parts.join('\n')}
</svg>
`;
}
