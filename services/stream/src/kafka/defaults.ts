/** What holds where nobody says otherwise, ms; what a cluster allows is checked against it. */

/** Much longer than a commit takes, and as long as a subscriber waits for a producer that is gone. */
export const transactionTimeoutMs = 10_000;
export const sessionTimeoutMs = 8_000;
