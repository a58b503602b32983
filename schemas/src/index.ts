export * from './codec.ts';
export * from './generated/types.ts';
export * from './policy.ts';
