import { utcZone } from '@pronoia/model';
import { optional, required, type SchemaValue, schema, withDefault } from '@pronoia/server';
import {
  parseDaysOfMonth,
  parseLocation,
  parseMonths,
  parseTimeOfDay,
  parseWeekdays,
  parseYears,
  type TimeInterval,
} from '../time-interval.ts';

const timeOfDay = schema.refine(schema.string(), parseTimeOfDay);

const intervalSchema = schema.refine(
  schema.object({
    times: withDefault(
      schema.list(
        schema.refine(
          schema.object({ start_time: required(timeOfDay), end_time: required(timeOfDay) }),
          ({ start_time: from, end_time: to }) => {
            if (from >= to) throw new Error('start time cannot be equal or greater than end time');
            return { from, to };
          },
        ),
      ),
      [],
    ),
    weekdays: withDefault(schema.list(schema.refine(schema.string(), parseWeekdays)), []),
    days_of_month: withDefault(schema.list(schema.refine(schema.string(), parseDaysOfMonth)), []),
    months: withDefault(schema.list(schema.refine(schema.string(), parseMonths)), []),
    years: withDefault(schema.list(schema.refine(schema.string(), parseYears)), []),
    location: optional(schema.refine(schema.string(), parseLocation)),
  }),
  ({ times, weekdays, days_of_month: daysOfMonth, months, years, location }): TimeInterval => ({
    times,
    weekdays,
    daysOfMonth,
    months,
    years,
    zone: location ?? utcZone,
  }),
);

export const timeIntervalsSchema = schema.list(
  schema.object({
    name: required(schema.string()),
    time_intervals: withDefault(schema.list(intervalSchema), []),
  }),
);
export type NamedTimeIntervals = SchemaValue<typeof timeIntervalsSchema>[number];
