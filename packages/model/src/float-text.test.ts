import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatExponentFloat, formatFloat, formatGoFloat, formatOpenMetricsFloat } from './float-text.ts';

describe('numbers as text', () => {
  it.each([
    // value, API, Go g, OpenMetrics
    [0, '0', '0', '0.0'],
    [-0, '-0', '-0', '-0.0'],
    [1, '1', '1', '1.0'],
    [10, '10', '10', '10.0'],
    [0.5, '0.5', '0.5', '0.5'],
    [123456, '123456', '123456', '123456.0'],
    [100000, '100000', '100000', '100000.0'],
    [1000000, '1000000', '1e+06', '1e+06'],
    [1048576, '1048576', '1.048576e+06', '1.048576e+06'],
    [1234567, '1234567', '1.234567e+06', '1.234567e+06'],
    [0.0001, '0.0001', '0.0001', '0.0001'],
    [0.00001, '0.00001', '1e-05', '1e-05'],
    [1e-6, '0.000001', '1e-06', '1e-06'],
    [1e-7, '1e-07', '1e-07', '1e-07'],
    [1.5e-10, '1.5e-10', '1.5e-10', '1.5e-10'],
    [1e20, '100000000000000000000', '1e+20', '1e+20'],
    [1e21, '1e+21', '1e+21', '1e+21'],
    [5e-324, '5e-324', '5e-324', '5e-324'],
    [1.7976931348623157e308, '1.7976931348623157e+308', '1.7976931348623157e+308', '1.7976931348623157e+308'],
    [Infinity, '+Inf', '+Inf', '+Inf'],
    [-Infinity, '-Inf', '-Inf', '-Inf'],
    [NaN, 'NaN', 'NaN', 'NaN'],
  ])('%d is %s, %s, %s', (value, api, go, openMetrics) => {
    expect([formatFloat(value), formatGoFloat(value), formatOpenMetricsFloat(value)]).toEqual([api, go, openMetrics]);
  });

  it.each([
    [1, '1e+00'],
    [35, '3.5e+01'],
    [0, '0e+00'],
    [-0, '-0e+00'],
    [1e-7, '1e-07'],
    [NaN, 'NaN'],
  ])('an alert of value %d shows %s', (value, expected) => {
    expect(formatExponentFloat(value)).toBe(expected);
  });

  it('reads back to the same number', () => {
    const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(finite, (value) =>
        [formatFloat, formatGoFloat, formatOpenMetricsFloat, formatExponentFloat].every((format) =>
          Object.is(Number(format(value)), value),
        ),
      ),
    );
  });
});
