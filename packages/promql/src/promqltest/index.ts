export { MemoryStorage, type StoredSample } from './memory-storage.ts';
export { type CaseResult, newTestEngine, runScript } from './runner.ts';
export { ScriptError } from './series-text.ts';
