/** Dead letters in words and in JSON. Keys, headers and values are private: they are told where they are asked for, and their sizes else. */
import { printable } from '@idemtrace/detector/policy';
import { type AnyRecord, toJson } from '@idemtrace/schemas';
import { hexDump } from '../output/hex-dump.ts';
import { type Cell, timeText } from '../output/table.ts';
import { positionText, type StandingLetter } from './letters.ts';
import { mendingOf, sentenceOf } from './reasons.ts';
import type { Redriven } from './redrive.ts';
import type { Verdict } from './verdict.ts';

export const LETTER_HEADINGS = ['letter', 'since', 'reason', 'record', 'bytes'];

export function letterCells({ letter, since, ...position }: StandingLetter): readonly Cell[] {
  return [positionText(position), timeText(since), letter.reason, placeText(letter), letter.valueBytes];
}

/** `topic/partition/offset`. */
function placeText({ topic, partition, offset }: { readonly topic: string; readonly partition: number; readonly offset: number }): string {
  return `${topic}/${partition}/${offset}`;
}

export function listedFields({ partition, offset, since, letter }: StandingLetter) {
  const { reason, topic, valueBytes } = letter;
  const record = { topic, partition: letter.partition, offset: letter.offset, logTime: letter.logTime };
  return { letter: positionText({ partition, offset }), partition, offset, since, reason, record, valueBytes };
}

export interface Told {
  /** Private bytes too. */
  readonly bytes: boolean;
}

export function letterFields(standing: StandingLetter, verdict: Verdict, { bytes }: Told) {
  const { reason, detail, key, value, valueTruncated, valueSha256, headers } = standing.letter;
  const base64 = (content: Buffer | null) => content?.toString('base64') ?? null;
  return {
    ...listedFields(standing),
    sentence: sentenceOf(reason),
    detail,
    mending: mendingOf(reason),
    valueTruncated,
    valueSha256,
    keyBytes: key?.length ?? null,
    headers: headers.map((header) => ({
      name: header.name,
      bytes: header.value.length,
      ...(bytes && { value: base64(header.value) }),
    })),
    ...(bytes && { key: base64(key), value: base64(value) }),
    now: verdict.valid ? { valid: true, remark: verdict.remark ?? null } : { valid: false, ...verdict.hindrance },
    ...(verdict.record !== undefined && { decoded: decodedFields(verdict.record, { bytes }) }),
  };
}

/** What policies disclose of inputs and results is private as well. */
function decodedFields(record: AnyRecord, { bytes }: Told): Readonly<Record<string, unknown>> {
  const { disclosed, ...fields } = toJson(record);
  if (!Array.isArray(disclosed)) return { name: record.name, ...fields };
  return { name: record.name, ...fields, disclosed: bytes ? disclosed : `${disclosed.length} fields` };
}

export function letterText(standing: StandingLetter, verdict: Verdict, told: Told): string {
  const { letter, since, ...position } = standing;
  const { reason, detail, key, value, valueBytes, valueSha256, headers } = letter;
  const place = positionText(position);
  const rows: (readonly [label: string, text: string])[] = [
    ['letter', `${place}, since ${timeText(since)}`],
    ['record', `${placeText(letter)}, appended ${timeText(letter.logTime)}`],
    ['reason', reason],
    ['', sentenceOf(reason)],
    ['detail', detail],
    ['what to do', mendingOf(reason)],
    ['now', verdictText(place, verdict)],
    ['key', key === null ? 'none' : sizeText(key.length)],
    ['value', value === null ? 'none' : `${sizeText(valueBytes)}, SHA-256 ${valueSha256 ?? 'not told'}`],
    ...headers.map((header) => ['header', `${header.name}, ${sizeText(header.value.length)}`] as const),
  ];
  const lines = rows.map(([label, text]) => `${label.padEnd(12)}${printable(text)}`.trimEnd());
  if (verdict.record !== undefined) {
    const json = JSON.stringify(decodedFields(verdict.record, told), null, 2);
    lines.push('', 'decoded', ...json.split('\n').map(printable));
  }
  if (!told.bytes) return [...lines, '', '--bytes shows key, headers and value; they may hold what is private.'].join('\n');
  const dump = (label: string, bytes: Buffer | null) => (bytes === null ? [] : ['', printable(label), hexDump(bytes)]);
  const dumps = headers.flatMap((header) => dump(`header ${header.name}`, header.value));
  return [...lines, ...dump('key', key), ...dumps, ...dump('value', value)].join('\n');
}

function sizeText(bytes: number): string {
  return `${bytes.toLocaleString('en')} byte${bytes === 1 ? '' : 's'}`;
}

function verdictText(place: string, verdict: Verdict): string {
  if (!verdict.valid) return `cannot be put back: ${verdict.hindrance.reason}, ${verdict.hindrance.detail}`;
  const remark = verdict.remark === undefined ? '' : ` (${verdict.remark})`;
  return `valid, a ${verdict.record.name}${remark}: \`idemtrace dead-letters redrive ${place}\` puts it back`;
}

export function redrivenText(redriven: Redriven): string {
  const { standing, remark } = redriven;
  const from = `${positionText(standing)}  ${standing.letter.reason}`;
  switch (redriven.outcome) {
    case 'refused':
      return printable(`${from}  not put back: ${redriven.hindrance.reason}, ${redriven.hindrance.detail}`);
    case 'valid':
      return printable(`${from}  can be put back${remark === undefined ? '' : `: ${remark}`}`);
    case 'put_back': {
      const at = placeText({ topic: standing.letter.topic, ...redriven.position });
      return printable(`${from}  put back at ${at}${remark === undefined ? '' : `: ${remark}`}`);
    }
  }
}

export function redrivenFields(redriven: Redriven) {
  const { standing, remark, outcome } = redriven;
  return {
    ...listedFields(standing),
    outcome,
    ...(remark !== undefined && { remark }),
    ...(redriven.outcome === 'put_back' && { position: redriven.position }),
    ...(redriven.outcome === 'refused' && { hindrance: redriven.hindrance }),
  };
}
