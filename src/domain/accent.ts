/** A district's accent colour: only a colour ever comes out, and what is written on it can be read. */

export const defaultAccent = '#6e5dec' // seed: the district's example
const dark = '#000000'
const light = '#ffffff'

/** The colour as `#rrggbb`; the default for anything that is not `#rgb` or `#rrggbb`. */
export function accentColour(accent: string): string {
  if (/^#[0-9a-f]{6}$/i.test(accent)) return accent.toLowerCase()
  if (/^#[0-9a-f]{3}$/i.test(accent)) return accent.toLowerCase().replace(/[0-9a-f]/g, '$&$&')
  return defaultAccent
}

/** Black or white, whichever contrasts more with this `#rrggbb`: at least 4.5 to 1 on any colour (WCAG AA). */
export const textOn = (colour: string): string => (contrast(colour, light) >= contrast(colour, dark) ? light : dark)

/** WCAG 2.2, "contrast ratio": 1 to 21. */
export function contrast(a: string, b: string): number {
  const [higher, lower] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number]
  return (higher + 0.05) / (lower + 0.05)
}

/** WCAG 2.2, "relative luminance": 0 (black) to 1 (white). */
function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
