/** The policy of silences at the API's door: what it refuses, and how. */
import type { SilencePolicy } from '../config/silence-policy.ts';
import { checkExpiry, checkSilence, type PolicyFault } from '../policy/silence-policy.ts';
import type { Silence, SilenceRequest, Silences } from '../silence.ts';
import { Refusal } from './context.ts';

/** The silence as it may be made, signed where the policy says so. Throws Refusal. */
export function underPolicy(
  policy: SilencePolicy | undefined,
  silence: SilenceRequest,
  user: string | undefined,
  silences: Silences,
  nowMs: number,
): SilenceRequest {
  if (policy === undefined) return silence;
  const signed = policy.signed && user !== undefined ? { ...silence, createdBy: user } : silence;
  refuse(checkSilence(policy, signed, user, nowMs));
  // A change may take another's silence away.
  if (silence.id !== undefined) mayExpire(policy, silences.get(silence.id), user);
  return signed;
}

/** Throws Refusal. */
export function mayExpire(policy: SilencePolicy | undefined, silence: Silence | undefined, user: string | undefined): void {
  if (policy !== undefined && silence !== undefined) refuse(checkExpiry(policy, silence.matchers, user));
}

function refuse(fault: PolicyFault | undefined): void {
  if (fault !== undefined) throw new Refusal(fault.status, fault.reason);
}
