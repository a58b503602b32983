export { STACK, type StackName, stackNames } from './names.ts';
export { environmentSnippet, stateTable } from './print.ts';
export { type Condition, type State, stateOf } from './state.ts';
export { type DownEvent, down, type UpEvent, up } from './up.ts';
