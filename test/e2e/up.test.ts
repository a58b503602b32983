/** `idemtrace up`, with an agent in another process that speaks to it over HTTP. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Alert } from '@idemtrace/schemas';
import { createIdemtrace } from '@idemtrace/sdk';
import { httpTransport } from '@idemtrace/sdk/http';
import { expect, test } from 'vitest';
import { run, start, temporaryFolder } from '../support/program.ts';
import { until } from '../support/until.ts';

const policy = (version: string, effect: string) => `version: ${version}\ntools:\n  charge_card: { effect: ${effect} }\n`;

test('an agent’s repeated charge is alerted, under the policy in force, and the program ends in order', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'policy.yaml'), policy('first', 'write'));
  const up = start(folder, ['up', '--port', '0', '--data', 'data', '--policy', 'policy.yaml']);
  let said = '';
  up.stdout.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  const url = await until(() => /Intake: (http:\/\/[^/]+)/.exec(said)?.[1], 'the intake');
  const apiKey = (await readFile(join(folder, 'data/intake-key'), 'utf8')).trim();

  const charges: string[] = [];
  const chargeTwice = async (workflowId: string, key = apiKey) => {
    const warnings: string[] = [];
    const idemtrace = createIdemtrace({
      transport: httpTransport({ url, apiKey: key }),
      hashKey: { id: 'k1', secret: 'a secret of at least thirty-two bytes' },
      warn: (code) => warnings.push(code),
    });
    const charge = idemtrace.tool('charge_card', async (input: { invoice: string }) => {
      charges.push(input.invoice);
      return { id: 'ch_1' };
    });
    await idemtrace.run({ tenantId: 'local', workflowId }, async () => {
      await charge({ invoice: workflowId });
      await charge({ invoice: workflowId });
    });
    await idemtrace.close();
    return { counters: idemtrace.counters, warnings };
  };
  const alertsOf = (workflowId: string) =>
    until(async () => {
      const { stdout } = await run(folder, ['alerts', '--data', 'data', '--severity', 'info', '--json']);
      const alerts = stdout.split('\n').flatMap((line): Alert[] => (line === '' ? [] : [JSON.parse(line)]));
      const found = alerts.filter((alert) => alert.workflowId === workflowId && alert.rule === 'duplicate_execution');
      return found.length > 0 ? found : undefined;
    }, `an alert of ${workflowId}`);

  expect((await chargeTwice('invoice-1')).counters).toMatchObject({ emitted: 6, sent: 6, dropped: 0, rejected: 0 });
  expect(await alertsOf('invoice-1')).toMatchObject([{ severity: 'critical', cause: 'model_repeat', policyVersion: 'first' }]);

  await writeFile(join(folder, 'policy.yaml'), policy('second', 'idempotent_write'));
  // The policy is looked at once a second: workflows are tried until one is judged by the new one.
  let tries = 0;
  await until(async () => {
    tries += 1;
    const workflowId = `invoice-2-${tries}`;
    await chargeTwice(workflowId);
    const [alert] = await alertsOf(workflowId);
    return alert?.policyVersion === 'second' && alert.severity === 'warning' ? true : undefined;
  }, 'the second policy');

  // T1: with a key that nobody has, nothing is taken, and the agent's tool has run all the same.
  const refused = await chargeTwice('invoice-3', 'nobody');
  expect(refused.counters).toMatchObject({ sent: 0, rejected: 6 });
  expect(charges.filter((invoice) => invoice === 'invoice-3')).toHaveLength(2);

  const unauthorized = await fetch(`${url}/v1/events`, {
    method: 'POST',
    headers: { authorization: 'Bearer nobody' },
    body: '{"events":[]}',
  });
  expect([unauthorized.status, await unauthorized.text()]).toEqual([401, expect.not.stringContaining(apiKey)]);

  const engine = JSON.parse(await readFile(join(folder, 'data/lineage-address.json'), 'utf8')) as { readonly url: string };
  expect((await fetch(`${engine.url}/ping`)).ok).toBe(true);
  const ended = new Promise<number | null>((resolve) => up.once('close', resolve));
  up.kill('SIGTERM');
  expect(await ended).toBe(0);
  // The engine's process ends with the program: nobody listens where it did.
  await expect(fetch(`${engine.url}/ping`)).rejects.toThrow();
}, 120_000);
