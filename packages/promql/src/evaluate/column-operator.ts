/** Operators over two columns of floats: the four of arithmetic have loops of their own, for a call per step costs more than they do. */
import type { BinaryOp } from '../syntax/ast.ts';
import { floatOperator } from './float-operator.ts';
import { absent, isFloat, type StepSeries } from './step-series.ts';

/** Where both sides have a float, `out` gets the result; returns at how many steps. `out` is empty before. */
export type ColumnOperator = (left: StepSeries, right: StepSeries, out: StepSeries) => number;

/** `filters`: the left value stays where the comparison holds. */
export function columnOperator(op: BinaryOp, filters: boolean): ColumnOperator {
  if (op === '+') return add;
  if (op === '-') return subtract;
  if (op === '*') return multiply;
  if (op === '/') return divide;
  return general(floatOperator(op), filters);
}

// Hot, all of them.

const add: ColumnOperator = ({ values: a, kinds: ka }, { values: b, kinds: kb }, { values, kinds }) => {
  let found = 0;
  for (let step = 0; step < kinds.length; step++) {
    if (ka[step] === absent || kb[step] === absent) continue;
    values[step] = (a[step] as number) + (b[step] as number);
    kinds[step] = isFloat;
    found++;
  }
  return found;
};

const subtract: ColumnOperator = ({ values: a, kinds: ka }, { values: b, kinds: kb }, { values, kinds }) => {
  let found = 0;
  for (let step = 0; step < kinds.length; step++) {
    if (ka[step] === absent || kb[step] === absent) continue;
    values[step] = (a[step] as number) - (b[step] as number);
    kinds[step] = isFloat;
    found++;
  }
  return found;
};

const multiply: ColumnOperator = ({ values: a, kinds: ka }, { values: b, kinds: kb }, { values, kinds }) => {
  let found = 0;
  for (let step = 0; step < kinds.length; step++) {
    if (ka[step] === absent || kb[step] === absent) continue;
    values[step] = (a[step] as number) * (b[step] as number);
    kinds[step] = isFloat;
    found++;
  }
  return found;
};

const divide: ColumnOperator = ({ values: a, kinds: ka }, { values: b, kinds: kb }, { values, kinds }) => {
  let found = 0;
  for (let step = 0; step < kinds.length; step++) {
    if (ka[step] === absent || kb[step] === absent) continue;
    values[step] = (a[step] as number) / (b[step] as number);
    kinds[step] = isFloat;
    found++;
  }
  return found;
};

function general(apply: (a: number, b: number) => number, filters: boolean): ColumnOperator {
  return ({ values: a, kinds: ka }, { values: b, kinds: kb }, { values, kinds }) => {
    let found = 0;
    for (let step = 0; step < kinds.length; step++) {
      if (ka[step] === absent || kb[step] === absent) continue;
      const result = apply(a[step] as number, b[step] as number);
      if (filters) {
        if (result !== 1) continue;
        values[step] = a[step] as number;
      } else values[step] = result;
      kinds[step] = isFloat;
      found++;
    }
    return found;
  };
}
