/**
 * Floats in Go's formats e, f, g with a precision, rounded half to even on the exact binary value (Go strconv.FormatFloat).
 * JavaScript's toFixed and toExponential round exact ties up, so the digits come from big integers here.
 */

interface Decimal {
  /** Without leading zeros; '0' for zero. */
  readonly digits: string;
  /** Value = 0.DIGITS × 10^point */
  readonly point: number;
}

/** `precision` −1 is the fewest digits that read back equal. */
export function formatFloatAs(value: number, format: 'e' | 'f' | 'g', precision: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const shortest = precision < 0;
  const exact = shortest ? shortestDecimal(Math.abs(value)) : exactDecimal(Math.abs(value));
  switch (format) {
    case 'e':
      return sign + scientific(shortest ? exact : round(exact, precision + 1), shortest ? exact.digits.length - 1 : precision);
    case 'f':
      return (
        sign +
        fixed(
          shortest ? exact : round(exact, exact.point + precision),
          shortest ? Math.max(exact.digits.length - exact.point, 0) : precision,
        )
      );
    case 'g': {
      const wanted = precision === 0 ? 1 : precision;
      const rounded = stripZeros(shortest ? exact : round(exact, wanted));
      let limit = shortest ? 6 : wanted;
      if (limit > rounded.digits.length && rounded.digits.length >= rounded.point) limit = rounded.digits.length;
      if (shortest) limit = 6;
      const exponent = rounded.digits === '0' ? 0 : rounded.point - 1;
      if (exponent < -4 || exponent >= limit) return sign + scientific(rounded, rounded.digits.length - 1);
      return sign + fixed(rounded, Math.max(rounded.digits.length - rounded.point, 0));
    }
  }
}

function shortestDecimal(value: number): Decimal {
  if (value === 0) return { digits: '0', point: 1 };
  const [mantissa, exponent] = value.toExponential().split('e') as [string, string];
  return { digits: mantissa.replace('.', ''), point: Number(exponent) + 1 };
}

function exactDecimal(value: number): Decimal {
  if (value === 0) return { digits: '0', point: 1 };
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const biased = Number(bits >> 52n);
  const mantissa = (bits & ((1n << 52n) - 1n)) | (biased === 0 ? 0n : 1n << 52n);
  const exponent = (biased === 0 ? 1 : biased) - 1075;
  // m × 2^-k = m × 5^k × 10^-k
  const whole = exponent >= 0 ? mantissa << BigInt(exponent) : mantissa * 5n ** BigInt(-exponent);
  const digits = whole.toString();
  return { digits, point: digits.length - (exponent >= 0 ? 0 : -exponent) };
}

/** Keeps `count` digits (may be ≤ 0: everything rounds away or up to one digit). */
function round(decimal: Decimal, count: number): Decimal {
  const { digits, point } = decimal;
  if (digits === '0' || count >= digits.length) return decimal;
  if (count < 0) return { digits: '0', point: 1 };
  const kept = digits.slice(0, count);
  const rest = digits.slice(count);
  const tie = /^50*$/.test(rest);
  const up = tie ? count > 0 && Number(kept[count - 1]) % 2 === 1 : (rest[0] as string) >= '5';
  if (!up) return kept === '' ? { digits: '0', point: 1 } : { digits: kept, point };
  const raised = (BigInt(`0${kept}`) + 1n).toString().padStart(count, '0');
  return { digits: raised, point: point + raised.length - count };
}

function stripZeros(decimal: Decimal): Decimal {
  const digits = decimal.digits.replace(/0+$/, '');
  return digits === '' ? { digits: '0', point: 1 } : { digits, point: decimal.point };
}

function scientific({ digits, point }: Decimal, places: number): string {
  const fraction = digits.slice(1).padEnd(places, '0');
  const exponent = digits === '0' ? 0 : point - 1;
  const power = String(Math.abs(exponent)).padStart(2, '0');
  return `${digits[0]}${places > 0 ? `.${fraction}` : ''}e${exponent < 0 ? '-' : '+'}${power}`;
}

function fixed({ digits, point }: Decimal, places: number): string {
  const isZero = digits === '0';
  const whole = isZero || point <= 0 ? '0' : digits.slice(0, point).padEnd(point, '0');
  if (places <= 0) return whole;
  const fraction = isZero ? '' : point >= 0 ? digits.slice(point) : '0'.repeat(-point) + digits;
  return `${whole}.${fraction.padEnd(places, '0').slice(0, places)}`;
}
