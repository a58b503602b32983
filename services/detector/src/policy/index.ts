export { compilePolicy, type ReadCompiledPolicy, readCompiledPolicy } from './compiled.ts';
export { type LocatedDocument, readDocument } from './document.ts';
export { formatDuration, parseDuration } from './duration.ts';
export { type Explanation, explainIssues } from './explain.ts';
export { formatMistakes, type Mistake, printable } from './mistake.ts';
export { nearestWord } from './nearest.ts';
export type { PolicyNote } from './notes.ts';
export { type PolicyMistake, type ReadPolicy, readPolicy } from './read.ts';
export { type PolicyChange, type PolicySource, type WatchOptions, type WatchPolicy, watchPolicy } from './watch.ts';
