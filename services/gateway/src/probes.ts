import { Hono } from 'hono';

/** Whether a process does its work now; what it waits for, where it does not. */
export interface Readiness {
  readonly ready: boolean;
  readonly waitingFor: string | null;
}

/**
 * `GET /healthz`: 200 as long as the process answers. `GET /readyz`: 200 or 503, each with what it waits for. Whoever asks may be a load
 * balancer: a service that is away makes a process unready, never unhealthy, for restarting it brings nothing back.
 */
export function createProbes(ready: () => Promise<Readiness>): Hono {
  const app = new Hono();
  app.get('/healthz', (c) => c.json({ ok: true }));
  app.get('/readyz', async (c) => {
    const state = await ready().catch(() => ({ ready: false, waitingFor: 'a part of the pipeline that failed' }));
    return c.json({ ready: state.ready, waitingFor: state.waitingFor }, state.ready ? 200 : 503);
  });
  return app;
}
