/** Where a command writes: results on standard output, progress and warnings on standard error; drawn for a terminal, plain elsewhere. */
import { clearLine, cursorTo } from 'node:readline';

export interface Screen {
  /** A result, with its line feed. */
  print(text: string): void;
  /** A remark beside the results. */
  note(text: string): void;
  /** Work that takes time: one line that is written over on a terminal, a line now and then elsewhere. */
  progress(text: string): void;
  /** Ends the progress line. */
  settle(): void;
  readonly color: boolean;
  readonly unicode: boolean;
  /** A person looks at it: lines are cut to its width. */
  readonly isTerminal: boolean;
  /** Width for pictures. */
  readonly columns: number;
}

export interface ScreenOptions {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: () => number;
}

const PLAIN_COLUMNS = 120;
const MOST_COLUMNS = 160;
/** How often progress is told where it cannot be written over, ms. */
const PLAIN_EVERY_MS = 3000;

export function createScreen({ stdout, stderr, env, clock }: ScreenOptions): Screen {
  let isProgressShown = false;
  let lastPlain = clock();
  const clear = () => {
    if (!isProgressShown) return;
    cursorTo(stderr, 0);
    clearLine(stderr, 0);
    isProgressShown = false;
  };
  return {
    print(text) {
      clear();
      stdout.write(`${text}\n`);
    },
    note(text) {
      clear();
      stderr.write(`${text}\n`);
    },
    progress(text) {
      if (stderr.isTTY) {
        clear();
        stderr.write(text.slice(0, (stderr.columns ?? PLAIN_COLUMNS) - 1));
        isProgressShown = true;
      } else if (clock() - lastPlain >= PLAIN_EVERY_MS) {
        lastPlain = clock();
        stderr.write(`${text}\n`);
      }
    },
    settle: clear,
    color: hasColor(stdout, env),
    isTerminal: stdout.isTTY === true,
    unicode: /utf-?8/i.test(env.LC_ALL || env.LC_CTYPE || env.LANG || 'UTF-8'),
    columns: Math.min(stdout.columns ?? (Number(env.COLUMNS) || PLAIN_COLUMNS), MOST_COLUMNS),
  };
}

/** https://no-color.org and https://force-color.org */
function hasColor(stream: NodeJS.WriteStream, env: Readonly<Record<string, string | undefined>>): boolean {
  if ((env.NO_COLOR ?? '') !== '') return false;
  if ((env.FORCE_COLOR ?? '') !== '') return env.FORCE_COLOR !== '0';
  return stream.isTTY === true && env.TERM !== 'dumb';
}
