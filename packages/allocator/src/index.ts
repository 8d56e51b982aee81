export { type AgentTerms, Allocator, type AllocatorOptions, type FrameworkTerms, type Grant, type Refusal } from './allocator.ts';
export { compileConstraints } from './constraints.ts';
export type { Quota } from './quota.ts';
