export { type AgentTerms, Allocator, type AllocatorOptions, type FrameworkTerms, type Grant, type Refusal } from './allocator.ts';
