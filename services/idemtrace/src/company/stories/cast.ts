/** Which stories the day is made of, and whose they are. */
import * as correspondence from './correspondence.ts';
import * as invoicing from './invoicing.ts';
import * as payments from './payments.ts';
import type { Story } from './setting.ts';
import * as support from './support.ts';

export interface Part {
  readonly tenantId: 'acme' | 'borealis' | 'cobalt';
  readonly story: Story;
  /** The customer's number, where a reader should find it again. */
  readonly number?: number;
}

function parts(tenantId: Part['tenantId'], stories: readonly Story[]): readonly Part[] {
  return stories.map((story) => ({ tenantId, story }));
}

export const CAST: readonly Part[] = [
  { tenantId: 'acme', story: invoicing.diesInStepThree, number: 42 },
  ...parts('acme', [
    invoicing.goesThrough,
    invoicing.goesThroughAtTheSecondTry,
    invoicing.isTurnedAway,
    payments.isPaid,
    payments.chargesTwice,
    payments.refundsWithApproval,
    correspondence.remindsOnce,
    correspondence.onboards,
    correspondence.waitsForItsReport,
    support.answersATicket,
    support.asksAResearcher,
    support.forgetsTheFilter,
    support.triagesTwice,
  ]),
  ...parts('borealis', [
    invoicing.goesThrough,
    invoicing.looksBeforeItActs,
    payments.isPaidAtTheSecondTry,
    payments.chargesAfterSilence,
    payments.buysAgainOnPurpose,
    correspondence.remindsInOtherWords,
    correspondence.invitesTwice,
    correspondence.onboards,
    correspondence.waitsForEver,
    support.answersATicket,
    support.asksAResearcher,
    support.forgetsTheFilter,
    support.commentsAgain,
  ]),
  ...parts('cobalt', [
    invoicing.goesThroughAtTheSecondTry,
    invoicing.plansAnew,
    payments.seesTheCharge,
    payments.chargesAnotherAmount,
    payments.refundsTwice,
    payments.buysAgainByMistake,
    correspondence.remindsAgainAtOnce,
    correspondence.onboardsAfterApproval,
    correspondence.waitsForItsReport,
    support.answersATicket,
    support.asksAResearcherAgain,
    support.forgetsTheFilter,
    support.goesOnWhereItStopped,
  ]),
];
