/** What each part of the pipeline is started with, from the configuration. */
import type { StartFrom } from '@idemtrace/detector';
import type { LineageAddress } from '@idemtrace/lineage';
import type { Config } from '../config/index.ts';
import { logAdapter, registryAdapter, windowsAdapter } from './adapters.ts';
import { type Part, startPart } from './part.ts';
import type { Logger } from './pipeline.ts';

export interface PartOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly throwAway?: boolean;
}

function base({ config, throwAway = false }: PartOptions) {
  const { events, alerts, deadLetters } = config.topics;
  return { log: logAdapter(config, throwAway), registry: registryAdapter(config), topics: { events, alerts, deadLetters } };
}

export interface DetectorPartOptions extends PartOptions {
  readonly from?: StartFrom | undefined;
  /** Where operational samples go, if anywhere. */
  readonly samples?: LineageAddress | undefined;
}

export function startDetectorPart(options: DetectorPartOptions): Promise<Part<'detector'>> {
  const { groups, policy, window, batch } = options.config;
  return startPart(
    {
      ...base(options),
      kind: 'detector',
      group: groups.detector,
      windows: windowsAdapter(options.config),
      from: options.from,
      samples: options.samples,
      policy,
      windowMs: window.length,
      maxRecords: batch.maxRecords,
      maxBytes: batch.maxBytes,
    },
    options.logger,
  );
}

export function startSinkPart(options: PartOptions & { readonly address: LineageAddress }): Promise<Part<'lineage sink'>> {
  const { config, address, logger } = options;
  return startPart({ ...base(options), kind: 'lineage sink', group: config.groups.lineage, address }, logger);
}
