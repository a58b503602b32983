/** What a request may be at most: said in the OpenAPI document, held by the code. */

/** Events of a batch. */
export const MOST_EVENTS = 1000;
/** Bytes of a body, before and after it is decompressed. */
export const MOST_BODY_BYTES = 4 * 1_048_576;
/** Headers of one record. */
export const MOST_HEADERS = 16;
/** Bytes of all headers of one record, names included: with the largest event they still fit a broker's default of 1 MiB. */
export const MOST_HEADER_BYTES = 16_384;
/** Lower case, as headers of HTTP are: names with capitals are the pipeline's own, and no agent's to set. */
export const HEADER_NAME = /^[a-z][a-z0-9-]{0,63}$/;
/** Mistakes told of one batch: a small request must not make a large answer. */
export const MOST_MISTAKES = 1000;
/** Writer schemas in one Avro batch: each that is unknown is a question to the registry. */
export const MOST_SCHEMAS = 16;
