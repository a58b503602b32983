/** One way to ask ClickHouse: parameters bound by the server, a tenant wherever a tenant asks, rows checked for the columns that they must have. */
import type { ClickHouseClient } from '@clickhouse/client';

export type LineageQueryErrorCode = 'tenant_required' | 'unexpected_answer';

export class LineageQueryError extends Error {
  override readonly name = 'LineageQueryError';
  readonly code: LineageQueryErrorCode;
  constructor(code: LineageQueryErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Whose lineage is asked for. */
export interface TenantScope {
  readonly tenantId: string;
}

/** What a query may take as parameters. */
type ParameterValue = string | number | readonly string[] | null;
export type Parameters = Readonly<Record<string, ParameterValue>>;

/** Numbers come as numbers, records as objects and times in ISO 8601, whatever the server's defaults. */
export const ANSWER_SETTINGS = {
  output_format_json_quote_64bit_integers: 0,
  output_format_json_named_tuples_as_objects: 1,
  date_time_output_format: 'iso',
} as const;

/** Rows of a query across tenants: for operators. */
export async function askOperator<T extends object>(
  client: ClickHouseClient,
  query: string,
  parameters: Parameters,
  columns: readonly (keyof T & string)[],
): Promise<readonly T[]> {
  const result = await client.query({
    query,
    query_params: { ...parameters },
    format: 'JSONEachRow',
    clickhouse_settings: ANSWER_SETTINGS,
  });
  const rows = await result.json<T>();
  const [first] = rows;
  const missing = first === undefined ? undefined : columns.find((column) => !(column in first));
  if (missing !== undefined)
    throw new LineageQueryError('unexpected_answer', `The answer lacks column ${missing}: is the schema of another version?`);
  return rows;
}

/** Rows of a query of one tenant, which it has as parameter `tenantId`. An empty tenant is refused, never all of them (T1). */
export function askTenant<T extends object>(
  client: ClickHouseClient,
  query: string,
  { tenantId, ...parameters }: Parameters & TenantScope,
  columns: readonly (keyof T & string)[],
): Promise<readonly T[]> {
  if (typeof tenantId !== 'string' || tenantId === '') {
    return Promise.reject(new LineageQueryError('tenant_required', 'A lineage query names its tenant'));
  }
  return askOperator<T>(client, query, { ...parameters, tenantId }, columns);
}
