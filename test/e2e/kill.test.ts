/** kill -9 of the one process that appends, judges and stores: at random moments, and then it goes on. */
import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { COMPANY_POLICY, operatorCounts, queryLineage, writeCompany } from 'idemtrace/internal';
import { expect, onTestFinished, test } from 'vitest';
import { current, readFolder } from '../support/embedded-folder.ts';
import { temporaryFolder } from '../support/program.ts';

const CHILD = join(import.meta.dirname, '../support/agent-child.ts');
const POLICY = fileURLToPath(COMPANY_POLICY);
/** Printed with every failure: the delays follow from it. */
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9));

function delays(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** When to kill: so many ms after the process began, or after the first batch that it had acknowledged. */
interface Kill {
  readonly after: 'spawn' | 'acknowledgement';
  readonly ms: number;
}

interface Life {
  /** The batch to go on from. */
  readonly next: number;
  readonly done: boolean;
  readonly killed: boolean;
}

/** Runs the child until it is done or killed. */
function live(recording: string, folder: string, from: number, lineage: string, kill?: Kill): Promise<Life> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CHILD, recording, POLICY, folder, String(from), lineage], { stdio: ['ignore', 'pipe', 'pipe'] });
    let next = from;
    let done = false;
    let errors = '';
    let timer: NodeJS.Timeout | undefined;
    let rest = '';
    const arm = (at: Kill['after']) => {
      if (kill?.after === at) timer ??= setTimeout(() => child.kill('SIGKILL'), kill.ms);
    };
    arm('spawn');
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line === 'done') done = true;
        else if (line !== 'full') next = Number(line) + 1;
      }
      arm('acknowledgement');
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (code !== null && code !== 0) reject(new Error(`the child ended with ${code}: ${errors}`));
      else resolve({ next, done, killed: signal === 'SIGKILL' });
    });
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
  });
}

async function killedRounds(seed: number, rounds: number, lineage: 'on' | 'off') {
  const folder = await temporaryFolder();
  const { calls } = await writeCompany(seed, folder);
  const [calm, killed] = [join(folder, 'calm'), join(folder, 'killed')];
  await Promise.all([mkdir(calm), mkdir(killed)]);
  expect(await live(calls, calm, 0, 'off')).toMatchObject({ done: true });
  const expected = await readFolder(calm);

  const random = delays(SEED + seed);
  let next = 0;
  for (let kills = 0; kills < rounds; ) {
    // A third of the kills meets the process while it starts, takes over and rebuilds its windows.
    const kill: Kill = random() < 1 / 3 ? { after: 'spawn', ms: random() * 900 } : { after: 'acknowledgement', ms: random() * 120 };
    const life = await live(calls, killed, next, lineage, kill);
    if (life.killed) kills += 1;
    // The last acknowledged batch may have been followed by one in doubt: an emitter sends that again.
    next = life.next;
    if (life.done) {
      // Before everything is sent once more: that would hide what was acknowledged and lost.
      expect((await readFolder(killed)).identities).toEqual(expected.identities);
      next = 0;
    }
  }
  expect(await live(calls, killed, next, lineage)).toMatchObject({ done: true });
  return { expected, actual: await readFolder(killed) };
}

/** Two folders side by side: most of a round is a process that starts. */
const SIDES = [11, 13];
const KILLS_EACH = 90;

test(`W4, W6, W7: ${SIDES.length * KILLS_EACH} kills lose no acknowledged event and no alert, and publish none twice (seed ${SEED})`, async () => {
  for (const { expected, actual } of await Promise.all(SIDES.map((seed) => killedRounds(seed, KILLS_EACH, 'off')))) {
    expect(actual.identities).toEqual(expected.identities);
    expect(current(actual.alerts)).toEqual(current(expected.alerts));
    expect(new Set(actual.alerts.map(({ alertId, revision }) => `${alertId} ${revision}`)).size).toBe(actual.alerts.length);
    expect(actual.alerts.length).toBe(expected.alerts.length);
    expect(actual.letters).toBe(0);
  }
}, 1_800_000);

test(`L1: 20 kills with lineage on leave every event and alert once in it (seed ${SEED})`, async () => {
  const { expected, actual } = await killedRounds(12, 20, 'on');
  expect(actual.identities).toEqual(expected.identities);
  expect(current(actual.alerts)).toEqual(current(expected.alerts));
  const lineage = await queryLineage(actual.config);
  const counts = await operatorCounts(lineage.client);
  await lineage.close();
  expect(counts).toMatchObject({
    events: expected.identities.size,
    alerts: current(expected.alerts).length,
    alertRevisions: expected.alerts.length,
    deadLetters: 0,
  });
}, 1_800_000);
