import { expect, test } from 'vitest';
import type { Core } from '../src/embedded/core.ts';
import { Membership } from '../src/embedded/membership.ts';
import { LogError } from '../src/errors.ts';

/** A file of which only the group of this member is told. */
function coreOf(write: (work: () => unknown) => Promise<unknown>, renewals: number[]): Core {
  const groups = {
    renew: (_: string, until: number) => {
      renewals.push(until);
      return true;
    },
    gone: () => [],
  };
  return { file: 'log.sqlite', closed: false, groups, writer: { write }, bell: { ring() {} } } as unknown as Core;
}

test.each(['log_away', 'log_full'] as const)(
  'W7: a lease whose renewal the log does not take (%s) is renewed once it does, and ends nothing',
  async (code) => {
    const renewals: number[] = [];
    let isFull = true;
    const core = coreOf(async (work) => {
      if (isFull) throw new LogError(code, 'no room');
      return work();
    }, renewals);
    const membership = new Membership(core, 1, 9_000);
    await membership.keep(10_000);
    await membership.renew(10_001);
    expect(renewals).toEqual([]);
    isFull = false;
    await membership.keep(10_002);
    expect(renewals).toEqual([19_002]);
  },
);

test('any other fault of a renewal is told', async () => {
  const core = coreOf(async () => {
    throw new LogError('closed', 'the log was closed');
  }, []);
  await expect(new Membership(core, 1, 9_000).keep(10_000)).rejects.toMatchObject({ code: 'closed' });
});
