import fc from 'fast-check';
import { expect, test } from 'vitest';
import { renderSvg } from '../src/pictures/index.ts';
import { anyView, billingView, evidenceOf, manyRuns, nestedView, ViewWriter } from './pictures-views.ts';

/** Characters that XML 1.0 allows. */
const XML_TEXT = /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u;
const NAME = '[A-Za-z][A-Za-z0-9:-]*';
const TOKEN = new RegExp(
  `<(/?)(${NAME})((?: ${NAME}="(?:[^"<&]|&(?:amp|lt|gt|quot|#39);)*")*)(/?)>|((?:[^<&>]|&(?:amp|lt|gt|quot|#39);)+)`,
  'y',
);

interface Element {
  readonly name: string;
  readonly attributes: string;
}

/** Reads markup strictly: only elements and text, every entity known, every tag closed in order. Throws where it is not well-formed. */
function parse(svg: string): Element[] {
  const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n';
  expect(svg.startsWith(declaration)).toBe(true);
  expect(XML_TEXT.test(svg)).toBe(true);
  const body = svg.slice(declaration.length);
  const open: string[] = [];
  const elements: Element[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < body.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(body);
    if (match === null) throw new Error(`no markup at ${at}: ${body.slice(at, at + 60)}`);
    const [, closing, name, attributes = '', selfClosing] = match;
    if (name === undefined) continue;
    if (closing === '/') expect(open.pop()).toBe(name);
    else {
      const names = [...attributes.matchAll(/ ([^=]+)=/g)].map(([, attribute]) => attribute);
      expect(new Set(names).size).toBe(names.length);
      elements.push({ name, attributes });
      if (selfClosing !== '/') open.push(name);
    }
  }
  expect(open).toEqual([]);
  return elements;
}

const ALLOWED = new Set(['svg', 'title', 'desc', 'style', 'rect', 'text', 'g', 'path', 'circle']);

test('any ids give a well-formed file of known elements, without scripts or links', () => {
  fc.assert(
    fc.property(anyView, (view) => {
      for (const { name, attributes } of parse(renderSvg(view))) {
        expect(ALLOWED.has(name)).toBe(true);
        expect(attributes).not.toMatch(/ (on\w+|href|xlink:href|style)=/);
        expect(attributes).not.toMatch(/NaN|Infinity|undefined/);
      }
    }),
    { numRuns: 200 },
  );
});

test('ids that are markup stay text', () => {
  const writer = new ViewWriter('<script>alert(1)</script>', '"><image href=x onerror=y>');
  writer.run({ attempt: 1 }).call("'/><a>&amp;\u0000\ufffe");
  const elements = parse(renderSvg(writer.view()));
  expect(elements.filter(({ name }) => !ALLOWED.has(name))).toEqual([]);
});

test('the picture says in words what it shows', () => {
  const svg = renderSvg(billingView());
  expect(svg).toContain('<title id="title">Attempts at acme / invoice-2041</title>');
  expect(svg).toContain('critical duplicate_execution of billing.charge in attempt 2 at step 1</desc>');
  expect(svg).toContain('rate-card-9 of globex</text>');
});

test('names too long for their box are cut and whole in the tooltip', () => {
  const writer = new ViewWriter();
  const tool = `tools.${'very_'.repeat(20)}long`;
  writer.run({ attempt: 1 }).call(tool);
  const svg = renderSvg(writer.view());
  expect(svg.split(tool)).toHaveLength(2);
  expect(svg).toMatch(/>tools\.very_[a-z_]*…[a-z_]*long<\/text>/);
});

test('each clash is a curve with a labelled pill, also across lanes that stand between', () => {
  const curves = (svg: string) => svg.match(/<path class="curve s-red" d="M [^H"]*"/g)?.length ?? 0;
  expect(curves(renderSvg(manyRuns(8)))).toBe(7);
  const writer = new ViewWriter();
  const first = writer.run({ attempt: 1 }).call('pay', 'write');
  writer.run({ attempt: 2 }).call('look');
  const third = writer.run({ attempt: 3 }).call('pay', 'write');
  writer.alert({ executionId: third.executionId, attempt: 3, evidence: { judgedAgainst: evidenceOf(first) } });
  expect(curves(renderSvg(writer.view()))).toBe(1);
});

test('a theme is explicit about its ground, and `auto` follows the viewer', () => {
  expect(renderSvg(nestedView(), { theme: 'light' })).not.toContain('prefers-color-scheme');
  expect(renderSvg(nestedView(), { theme: 'dark' })).toContain('.page { fill: #0d1117; }');
  expect(renderSvg(nestedView())).toContain('prefers-color-scheme: dark');
});

test('sixty steps are drawn as what matters and what is left out', () => {
  const svg = renderSvg(manyRuns(2, 60));
  expect(svg.match(/… \d+ steps …/g)).toEqual(['… 28 steps …', '… 28 steps …', '… 27 steps …', '… 27 steps …']);
});
