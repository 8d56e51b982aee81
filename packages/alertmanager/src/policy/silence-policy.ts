/** Whether a person may make, change or end a silence. Pure. */
import { formatDuration } from '@pronoia/model';
import type { Permission, SilencePolicy } from '../config/silence-policy.ts';
import type { AlertMatcher } from '../matcher.ts';
import type { SilenceRequest } from '../silence.ts';

export interface PolicyFault {
  /** 400: the silence is not as it must be; 403: this user may not. */
  readonly status: 400 | 403;
  readonly reason: string;
}

/** `user`: undefined when the server asks nobody's name. */
export function checkSilence(
  policy: SilencePolicy,
  silence: SilenceRequest,
  user: string | undefined,
  nowMs: number,
): PolicyFault | undefined {
  const missing = policy.required.filter((field) => fieldOf(silence, field).trim() === '');
  if (missing.length > 0) return { status: 400, reason: `the policy requires ${missing.join(' and ')}` };
  const permission = permissionOf(policy, user);
  const fault = checkScope(policy, permission, silence.matchers, user);
  if (fault !== undefined) return fault;
  const limitMs = permission?.max_duration ?? policy.max_duration;
  const lengthMs = silence.endsAtMs - Math.max(silence.startsAtMs, nowMs);
  if (limitMs !== undefined && lengthMs > limitMs)
    return {
      status: 400,
      reason: `the policy allows silences of ${formatDuration(limitMs)} at most; this one lasts ${formatDuration(lengthMs)}`,
    };
  return undefined;
}

/** Who may not make a silence may not end it either. */
export function checkExpiry(policy: SilencePolicy, matchers: readonly AlertMatcher[], user: string | undefined): PolicyFault | undefined {
  return checkScope(policy, permissionOf(policy, user), matchers, user);
}

function permissionOf({ who }: SilencePolicy, user: string | undefined): Permission | undefined {
  return who.find(({ users }) => users.includes('*') || (user !== undefined && users.includes(user)));
}

function checkScope(
  { who }: SilencePolicy,
  permission: Permission | undefined,
  matchers: readonly AlertMatcher[],
  user: string | undefined,
): PolicyFault | undefined {
  if (who.length === 0) return undefined;
  const name = user === undefined ? 'who has no name' : user;
  if (permission === undefined) return { status: 403, reason: `the policy lets ${name} silence nothing` };
  const beyond = permission.matchers.filter((limit) => !matchers.some((matcher) => isWithin(matcher, limit)));
  if (beyond.length === 0) return undefined;
  return {
    status: 403,
    reason: `the policy lets ${name} silence ${permission.matchers.map(String).join(', ')} only; add a matcher within ${beyond.map(String).join(', ')}`,
  };
}

/** Every value that `matcher` lets through, `limit` lets through: seen from the matchers alone, so in doubt no. */
function isWithin(matcher: AlertMatcher, limit: AlertMatcher): boolean {
  if (matcher.name !== limit.name) return false;
  if (matcher.equals(limit)) return true;
  const { literals } = matcher;
  return matcher.type === '=' ? limit.matchesValue(matcher.value) : (literals?.every((value) => limit.matchesValue(value)) ?? false);
}

function fieldOf(silence: SilenceRequest, field: string): string {
  if (field === 'comment') return silence.comment;
  if (field === 'createdBy') return silence.createdBy;
  return silence.annotations[field.slice('annotations.'.length)] ?? '';
}
