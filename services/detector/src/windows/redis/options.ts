/** How the Redis of the windows is reached: one server by `url`, the nodes of a Cluster, or the master that Sentinels watch. */
export interface RedisWindowsOptions {
  /** `redis://host:port`, or `rediss://host:port` for TLS; a database as path. */
  readonly url?: string;
  /** Nodes of a Cluster, `host:port`: some of them are enough. */
  readonly nodes?: readonly string[];
  /** Sentinels, `host:port`, and the name of the master that they watch. */
  readonly sentinels?: readonly string[];
  readonly master?: string;
  readonly username?: string;
  readonly password?: string;
  /** PEM texts; an empty object: TLS with the system's authorities. Of nodes and Sentinels; a `rediss://` URL speaks TLS by itself. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** Length of the window in milliseconds. */
  readonly windowMs: number;
  /** How long facts are kept beyond the window, and a marker that nobody moves. Default: 24 hours. */
  readonly slackMs?: number;
  /** After which an answer counts as lost. Default: 5,000 ms. */
  readonly timeoutMs?: number;
  /** How often memory and evictions are looked at. Default: 10,000 ms. */
  readonly watchMs?: number;
  /** A workflow's page that grows beyond this is folded, or split. Default: 16,384 bytes. */
  readonly pageBytes?: number;
  /** Told what a person on call wants to know. */
  readonly report?: (message: string) => void;
}
