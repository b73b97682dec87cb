/** Days and moments within the years that the database and every driver write alike. */

/** Within the years 1 to 9999. */
export const isMoment = (msSinceEpoch: number): boolean =>
  msSinceEpoch >= Date.parse('0001-01-01T00:00:00Z') && msSinceEpoch <= Date.parse('9999-12-31T23:59:59.999Z')

/** A day of the calendar, as YYYY-MM-DD. */
export function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false
  const time = Date.parse(`${text}T00:00:00Z`)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text) && !text.startsWith('0000')
}
