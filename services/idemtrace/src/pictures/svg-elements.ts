import { clean } from './cells.ts';

/** Text as XML 1.0 takes it: escaped, without characters that no XML document may hold. */
export function escapeXml(text: string): string {
  return clean(text, true).replace(/[&<>"'\ufffe\uffff]/g, (character) => ENTITIES[character] ?? '\ufffd');
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Markup that is safe as it stands. Only the functions of this file make it. */
export type Markup = string & { readonly __markup: unique symbol };

export type Attributes = Readonly<Record<string, string | number | undefined>>;

/** An element; attribute values and texts are escaped here and nowhere else. */
export function element(name: string, attributes: Attributes, ...children: readonly (Markup | undefined)[]): Markup {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? round(value) : escapeXml(String(value))}"`)
    .join('');
  const inner = children.filter((child) => child !== undefined).join('');
  return (inner === '' ? `<${name}${written}/>` : `<${name}${written}>${inner}</${name}>`) as Markup;
}

/** Text inside an element. */
export function words(text: string): Markup {
  return escapeXml(text) as Markup;
}

/** A style sheet of this project's own: not for text of unknown origin. */
export function styleSheet(css: string): Markup {
  return `<style>${css.replace(/\s+/g, ' ').trim()}</style>` as Markup;
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}
