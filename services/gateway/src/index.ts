export { createGateway, type GatewayOptions, MOST_BODY_BYTES, MOST_EVENTS, type TenantKey } from './app.ts';
export { type Served, serveGateway } from './serve.ts';
