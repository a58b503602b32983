/** Bounds that hold for every record, whatever its schema. */

/** Most items of all arrays and maps of one record together. */
export const MAX_ITEMS = 65_536;

/** Largest and least integer of a long: those that the encoder (avsc) writes exactly. */
export const MAX_LONG = 2 ** 53 - 2;
export const MIN_LONG = -(2 ** 52);
