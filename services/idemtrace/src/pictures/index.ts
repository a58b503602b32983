export { type AlertLineOptions, type AlertOnALine, alertLine } from './alert-line.ts';
export { type AttemptsOptions, drawAttempts } from './attempts.ts';
export { clean, type Surface } from './cells.ts';
export { renderSvg, type SvgOptions } from './svg.ts';
export { tellAlert } from './tell.ts';
export { CAUSE_SENTENCES, RULE_ADVICE, RULE_SENTENCES } from './words.ts';
