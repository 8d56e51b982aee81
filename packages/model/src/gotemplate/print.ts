/**
 * Go's `fmt`: values as text, and `printf` with its verbs, flags, widths and its way of showing mistakes inside the
 * output (`%!d(string=x)`).
 */
import { compareBytes } from '../labels.ts';
import { quoteGo } from '../quote.ts';
import { formatFloatAs } from './float-format.ts';
import { baseOf, fieldsOf, kindOf, Typed, typeName } from './value.ts';

/** `%v` */
export function display(value: unknown): string {
  return formatValue(value, { ...noFlags, verb: 'v' }, 0);
}

/** Blanks between operands when neither side is a string. */
export function sprint(values: readonly unknown[]): string {
  let text = '';
  values.forEach((value, i) => {
    if (i > 0 && kindOf(value) !== 'string' && kindOf(values[i - 1]) !== 'string') text += ' ';
    text += display(value);
  });
  return text;
}

export function sprintln(values: readonly unknown[]): string {
  return `${values.map(display).join(' ')}\n`;
}

interface Spec {
  readonly verb: string;
  readonly minus: boolean;
  readonly plus: boolean;
  readonly sharp: boolean;
  readonly space: boolean;
  readonly zero: boolean;
  readonly width: number | undefined;
  readonly precision: number | undefined;
}

const noFlags = { minus: false, plus: false, sharp: false, space: false, zero: false, width: undefined, precision: undefined };

/** Wider than this is refused, so that a template cannot ask for gigabytes (Go: 1e6). */
const maxWidth = 1_000_000;
/** Values inside values deeper than this print as `...`: data may be cyclic. */
const maxDepth = 50;

export function sprintf(format: string, args: readonly unknown[]): string {
  let text = '';
  let next = 0;
  let reordered = false;
  const pattern = /%([-+# 0]*)(\[[^\]]*\])?(\*|[0-9]+)?(?:(\.)(\[[^\]]*\])?(\*|[0-9]*))?(\[[^\]]*\])?([^]?)/gu;
  let at = 0;
  for (;;) {
    const percent = format.indexOf('%', at);
    text += format.slice(at, percent < 0 ? format.length : percent);
    if (percent < 0) break;
    pattern.lastIndex = percent;
    const match = pattern.exec(format) as RegExpExecArray;
    at = pattern.lastIndex;
    const [, flags = '', firstIndex, widthText, point, precisionIndex, precisionText, lastIndex, verb = ''] = match;
    let bad = '';
    const jump = (index: string | undefined): void => {
      if (index === undefined) return;
      reordered = true;
      const to = Number(index.slice(1, -1));
      if (/^\[[0-9]+\]$/.test(index) && to >= 1 && to <= args.length) next = to - 1;
      else bad = 'BADINDEX';
    };
    const star = (): number | undefined => {
      const value = baseOf(args[next++]);
      if (typeof value !== 'bigint' || value > BigInt(maxWidth) || value < -BigInt(maxWidth)) return undefined;
      return Number(value);
    };
    let width: number | undefined;
    let precision: number | undefined;
    let minus = flags.includes('-');
    jump(firstIndex);
    if (widthText === '*') {
      width = star();
      if (width === undefined) text += '%!(BADWIDTH)';
      else if (width < 0) {
        minus = true;
        width = -width;
      }
    } else if (widthText !== undefined) {
      width = Number(widthText);
      if (width > maxWidth) width = undefined;
    }
    if (point !== undefined) {
      jump(precisionIndex);
      if (precisionText === '*') {
        precision = star();
        if (precision === undefined || precision < 0) {
          precision = undefined;
          text += '%!(BADPREC)';
        }
      } else precision = Number(precisionText ?? 0);
      if (precision !== undefined && precision > maxWidth) precision = undefined;
    }
    jump(lastIndex);
    if (verb === '') {
      text += '%!(NOVERB)';
      break;
    }
    if (verb === '%') text += '%';
    else if (bad !== '') text += `%!${verb}(BADINDEX)`;
    else if (next >= args.length) text += `%!${verb}(MISSING)`;
    else {
      const spec: Spec = {
        verb,
        minus,
        plus: flags.includes('+'),
        sharp: flags.includes('#'),
        space: flags.includes(' '),
        zero: flags.includes('0') && !minus,
        width,
        precision,
      };
      text += formatArgument(args[next++], spec);
    }
    if (text.length > 16 * 1024 * 1024) throw new Error('printf: output is longer than 16 MiB');
  }
  if (!reordered && next < args.length) {
    text += `%!(EXTRA ${args
      .slice(next)
      .map((arg) => (kindOf(arg) === 'nil' ? '<nil>' : `${typeName(arg)}=${display(arg)}`))
      .join(', ')})`;
  }
  return text;
}

function formatArgument(value: unknown, spec: Spec): string {
  if (spec.verb === 'T') return pad(typeName(value), spec);
  if (kindOf(value) === 'nil') return spec.verb === 'v' ? pad('<nil>', { ...spec, zero: false }) : `%!${spec.verb}(<nil>)`;
  return formatValue(value, spec, 0);
}

function formatValue(value: unknown, spec: Spec, depth: number): string {
  if (depth > maxDepth) return '...';
  if (value instanceof Typed && value.type.text !== undefined && 'vsxXq'.includes(spec.verb) && !(spec.sharp && spec.verb === 'v'))
    return formatString(value.type.text(value), spec, value);
  const base = baseOf(value);
  switch (kindOf(base)) {
    case 'nil':
      return spec.verb === 'v' || depth > 0 ? pad('<nil>', spec) : `%!${spec.verb}(<nil>)`;
    case 'bool':
      return spec.verb === 't' || spec.verb === 'v' ? pad(String(base), { ...spec, zero: false }) : badVerb(value, spec);
    case 'int':
      return formatInt(base as bigint, spec, value);
    case 'float':
      return formatFloatVerb(base as number, spec, value);
    case 'string':
      return formatString(base as string, spec, value);
    case 'list':
      return formatList(value, base as readonly unknown[], spec, depth);
    case 'map':
      return formatMap(value, base as ReadonlyMap<string, unknown>, spec, depth);
    case 'struct':
      return formatStruct(value, base as object, spec, depth);
    case 'func':
      return 'func()';
  }
}

function badVerb(value: unknown, spec: Spec): string {
  return `%!${spec.verb}(${typeName(value)}=${display(value)})`;
}

function pad(text: string, spec: Spec): string {
  if (spec.width === undefined) return text;
  const missing = spec.width - Array.from(text).length;
  if (missing <= 0) return text;
  if (spec.minus) return text + ' '.repeat(missing);
  return (spec.zero ? '0' : ' ').repeat(missing) + text;
}

/** Zeros go between the sign and the digits. */
function padNumber(sign: string, digits: string, spec: Spec): string {
  if (!spec.zero || spec.width === undefined) return pad(sign + digits, { ...spec, zero: false });
  return sign + digits.padStart(spec.width - sign.length, '0');
}

function signOf(isNegative: boolean, spec: Spec): string {
  return isNegative ? '-' : spec.plus ? '+' : spec.space ? ' ' : '';
}

const bases: Readonly<Record<string, readonly [radix: number, prefix: string]>> = {
  d: [10, ''],
  v: [10, ''],
  b: [2, '0b'],
  o: [8, '0'],
  O: [8, ''],
  x: [16, '0x'],
  X: [16, '0X'],
};

function formatInt(value: bigint, spec: Spec, original: unknown): string {
  const isNegative = value < 0n;
  const absolute = isNegative ? -value : value;
  const known = bases[spec.verb];
  if (known !== undefined) {
    let digits = absolute.toString(known[0]);
    if (spec.verb === 'X') digits = digits.toUpperCase();
    if (spec.precision !== undefined) digits = spec.precision === 0 && value === 0n ? '' : digits.padStart(spec.precision, '0');
    const prefix = spec.verb === 'O' ? '0o' : spec.sharp && spec.verb !== 'v' ? known[1] : '';
    return padNumber(signOf(isNegative, spec) + prefix, digits, spec.precision === undefined ? spec : { ...spec, zero: false });
  }
  const rune = value >= 0n && value <= 0x10ffffn && !(value >= 0xd800n && value < 0xe000n) ? String.fromCodePoint(Number(value)) : '\ufffd';
  if (spec.verb === 'c') return pad(rune, spec);
  if (spec.verb === 'q') return pad(`'${rune === "'" ? "\\'" : rune === '"' ? '"' : quoteGo(rune).slice(1, -1)}'`, spec);
  if (spec.verb === 'U') {
    const code = `U+${absolute
      .toString(16)
      .toUpperCase()
      .padStart(Math.max(4, spec.precision ?? 0), '0')}`;
    return pad(spec.sharp ? `${code} '${rune}'` : code, { ...spec, zero: false });
  }
  return badVerb(original, spec);
}

function formatFloatVerb(value: number, spec: Spec, original: unknown): string {
  let text: string;
  const absolute = Math.abs(value);
  switch (spec.verb) {
    case 'v':
      text = formatFloatAs(absolute, 'g', spec.precision ?? -1);
      break;
    case 'g':
    case 'G':
      text = formatFloatAs(absolute, 'g', spec.precision ?? -1);
      break;
    case 'e':
    case 'E':
      text = formatFloatAs(absolute, 'e', spec.precision ?? 6);
      break;
    case 'f':
    case 'F':
      text = formatFloatAs(absolute, 'f', spec.precision ?? 6);
      break;
    case 'x':
    case 'X':
      text = hexFloat(absolute, spec.precision);
      break;
    case 'b':
      text = binaryFloat(absolute);
      break;
    default:
      return badVerb(original, spec);
  }
  if (spec.verb === 'G' || spec.verb === 'E' || spec.verb === 'X') text = text.toUpperCase();
  if (spec.sharp && 'gG'.includes(spec.verb) && Number.isFinite(value)) text = keepZeros(text, spec.precision ?? 6);
  const isNegative = value < 0 || Object.is(value, -0);
  if (!Number.isFinite(value)) {
    // Infinity always carries a sign when one is asked for; neither it nor NaN is padded with zeros.
    const sign = value === Infinity ? '+' : value === -Infinity ? '-' : signOf(false, spec);
    const plain = text.replace(/^[+-]/, '');
    return pad((value === Infinity && spec.space && !spec.plus ? ' ' : sign) + plain, { ...spec, zero: false });
  }
  return padNumber(signOf(isNegative, spec), text, spec);
}

/** `%#g` keeps trailing zeros up to the precision and always a point. */
function keepZeros(text: string, precision: number): string {
  const [mantissa, exponent] = text.split(/(?=[eE])/) as [string, string | undefined];
  const digits = mantissa.replace('.', '').replace(/^0+/, '').length;
  const pointed = mantissa.includes('.') ? mantissa : `${mantissa}.`;
  return pointed + '0'.repeat(Math.max(0, precision - Math.max(digits, mantissa === '0' ? 1 : 0))) + (exponent ?? '');
}

function split(value: number): { mantissa: bigint; exponent: number } {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const biased = Number(bits >> 52n) & 0x7ff;
  const fraction = bits & ((1n << 52n) - 1n);
  return biased === 0 ? { mantissa: fraction, exponent: -1074 } : { mantissa: fraction | (1n << 52n), exponent: biased - 1075 };
}

function binaryFloat(value: number): string {
  if (!Number.isFinite(value)) return formatFloatAs(value, 'g', -1);
  const { mantissa, exponent } = split(value);
  return `${mantissa}p${exponent < 0 ? '-' : '+'}${Math.abs(exponent)}`;
}

function hexFloat(value: number, precision: number | undefined): string {
  if (!Number.isFinite(value)) return formatFloatAs(value, 'g', -1);
  let { mantissa, exponent } = split(value);
  if (mantissa === 0n) exponent = -52;
  else
    while (mantissa >> 52n === 0n) {
      mantissa <<= 1n;
      exponent--;
    }
  if (precision !== undefined && precision < 13) {
    const drop = BigInt(4 * (13 - precision));
    const rest = mantissa & ((1n << drop) - 1n);
    const half = 1n << (drop - 1n);
    mantissa >>= drop;
    if (rest > half || (rest === half && (mantissa & 1n) === 1n)) mantissa++;
    mantissa <<= drop;
    if (mantissa >> 53n !== 0n) {
      mantissa >>= 1n;
      exponent++;
    }
  }
  const hex = (mantissa & ((1n << 52n) - 1n)).toString(16).padStart(13, '0');
  const fraction = precision === undefined ? hex.replace(/0+$/, '') : hex.padEnd(precision, '0').slice(0, precision);
  const power = exponent + 52;
  return `0x${mantissa >> 52n}${fraction === '' ? '' : `.${fraction}`}p${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

function formatString(text: string, spec: Spec, original: unknown): string {
  const cut = spec.precision !== undefined && !'xX'.includes(spec.verb) ? Array.from(text).slice(0, spec.precision).join('') : text;
  switch (spec.verb) {
    case 'v':
      return pad(spec.sharp ? quoteGo(text) : cut, spec);
    case 's':
      return pad(cut, spec);
    case 'q':
      // oxlint-disable-next-line no-control-regex -- what Go will not put between backquotes
      if (spec.sharp && !cut.includes('`') && /^[^\x00-\x08\x0a-\x1f\x7f\ufeff]*$/.test(cut)) return pad(`\`${cut}\``, spec);
      return pad(spec.plus ? asciiQuote(cut) : quoteGo(cut), spec);
    case 'x':
    case 'X': {
      let bytes = Buffer.from(text);
      if (spec.precision !== undefined) bytes = bytes.subarray(0, spec.precision);
      const hex = bytes.toString('hex').replace(/../g, (pair) => (spec.verb === 'X' ? pair.toUpperCase() : pair));
      const prefix = spec.sharp ? `0${spec.verb}` : '';
      if (spec.space) return pad((hex.match(/../g) ?? []).map((pair) => prefix + pair).join(' '), spec);
      return pad(hex === '' ? '' : prefix + hex, spec);
    }
    default:
      return badVerb(original, spec);
  }
}

function asciiQuote(text: string): string {
  // oxlint-disable-next-line no-control-regex -- all of ASCII
  return quoteGo(text).replace(/[^\x00-\x7f]/gu, (rune) => {
    const code = rune.codePointAt(0) as number;
    return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
  });
}

function formatList(value: unknown, items: readonly unknown[], spec: Spec, depth: number): string {
  const inner = items.map((item) => formatValue(item, spec, depth + 1));
  if (spec.verb === 'v' && spec.sharp) return `${typeName(value)}{${inner.join(', ')}}`;
  return `[${inner.join(' ')}]`;
}

function formatMap(value: unknown, map: ReadonlyMap<string, unknown>, spec: Spec, depth: number): string {
  const keys = [...map.keys()].sort(compareBytes);
  const inner = keys.map((key) => `${formatValue(key, spec, depth + 1)}:${formatValue(map.get(key), spec, depth + 1)}`);
  if (spec.verb === 'v' && spec.sharp) return `${typeName(value)}{${inner.join(', ')}}`;
  return `map[${inner.join(' ')}]`;
}

function formatStruct(value: unknown, struct: object, spec: Spec, depth: number): string {
  const named = spec.verb === 'v' && (spec.plus || spec.sharp);
  const inner = fieldsOf(struct).map(
    ([name, field]) => (named ? `${name}:` : '') + formatValue(field, spec.verb === 'v' ? { ...spec, plus: false } : spec, depth + 1),
  );
  if (spec.verb === 'v' && spec.sharp) return `${typeName(value)}{${inner.join(', ')}}`;
  return `{${inner.join(' ')}}`;
}
