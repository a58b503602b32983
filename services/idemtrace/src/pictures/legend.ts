import { Canvas } from './canvas.ts';
import { type Surface, widthOf } from './cells.ts';
import { ASCII_GLYPHS, CLASS_MARKS, type Mark, OUTCOME_MARKS, SEVERITY_MARKS, UNICODE_GLYPHS } from './marks.ts';
import type { Picture } from './picture.ts';

/** What the marks mean that occur. */
export function legend(picture: Picture, options: Surface): string[] {
  const glyphs = options.unicode ? UNICODE_GLYPHS : ASCII_GLYPHS;
  const items = picture.lanes.flatMap((lane) => lane.blocks.flatMap((block) => block.items));
  const executions = items.flatMap((item) => (item.kind === 'execution' ? [item.execution] : []));
  const marks = [
    ...Object.values(CLASS_MARKS).filter((mark) => executions.some((execution) => CLASS_MARKS[execution.effectClass] === mark)),
    ...Object.values(OUTCOME_MARKS).filter((mark) => executions.some((execution) => OUTCOME_MARKS[execution.outcome] === mark)),
  ];
  const entries = marks.map((mark) => ({ mark: options.unicode ? mark.unicode : mark.ascii, text: mark.word, style: mark.style }));
  const red: Mark['style'] = ['red'];
  if (items.some((item) => item.kind === 'retrieval')) entries.push({ mark: glyphs.retrieval, text: 'retrieval', style: ['cyan'] });
  if (items.some((item) => item.kind === 'retrieval' && item.foreign.length > 0))
    entries.push({ mark: glyphs.foreign, text: "another tenant's document", style: red });
  if (items.some((item) => 'minor' in item && item.minor > 0))
    entries.push({ mark: 'i', text: 'alert not told here', style: SEVERITY_MARKS.info.style });
  if (picture.clashes.length > 0)
    entries.push({ mark: `${glyphs.origin} ${glyphs.arrowRight}`, text: 'what came first, and what followed', style: red });
  const lines: (typeof entries)[] = [[]];
  let width = 0;
  for (const entry of entries) {
    const needed = widthOf(entry.mark) + 1 + widthOf(entry.text) + 3;
    if (width + needed > options.columns && width > 0) {
      lines.push([]);
      width = 0;
    }
    width += needed;
    lines.at(-1)?.push(entry);
  }
  return lines.map((line) => {
    const canvas = new Canvas(options.columns, options.unicode);
    canvas.write(
      0,
      0,
      line.flatMap(({ mark, text, style }) => [
        { text: mark, style },
        { text: ` ${text}   `, style: ['dim'] },
      ]),
    );
    return canvas.print(options.color)[0] ?? '';
  });
}
