export type { ConfluentRegistryOptions, RegistryTls } from './client.ts';
export { confluentRegistry, subjectOf } from './lookups.ts';
export {
  checkSchemas,
  type RegisteredSchema,
  type RegistrationOptions,
  registerSchemas,
  type SchemaFinding,
} from './registration.ts';
