/** Words that made-up data is put together from: names and sentences in the languages of this product. */

export interface Tongue {
  /** What is written to somebody who speaks it. */
  readonly language: string
  /** Of a hundred people, how many. */
  readonly percent: number
  readonly first: readonly string[]
  readonly last: readonly string[]
  /** What excited the committee. */
  readonly excited: readonly string[]
  /** What to work on. */
  readonly workOn: readonly string[]
}

const words = (text: string): string[] => text.trim().split(/[,\n]\s*/)

export const tongues: readonly Tongue[] = [
  {
    language: 'en',
    percent: 46,
    first:
      words(`James, Mary, Robert, Patricia, John, Jennifer, Michael, Linda, David, Elizabeth, William, Barbara, Richard, Susan, Joseph, Jessica,
      Thomas, Sarah, Charles, Karen, Daniel, Nancy, Matthew, Lisa, Anthony, Margaret, Mark, Sandra, Steven, Ashley, Paul, Emily, Andrew, Donna,
      Joshua, Michelle, Caleb, Hannah, Micah, Abigail, Isaiah, Ruth, Ezra, Naomi, Silas, Esther, Levi, Lydia`),
    last: words(`Smith, Johnson, Williams, Brown, Jones, Miller, Davis, Wilson, Anderson, Taylor, Thomas, Moore, Jackson, Martin, Thompson, White,
      Harris, Clark, Lewis, Robinson, Walker, Young, Allen, King, Wright, Scott, Hill, Green, Adams, Baker, Nelson, Carter, Mitchell, Roberts,
      Turner, Phillips, Parker, Evans, Edwards, Collins, O'Brien, McCarthy, Whitfield, Thornton, Lindqvist, Okafor, Adeyemi, Müller`),
    excited: [
      'A gifted teacher who knows the congregation by name.',
      'Steady, honest and well prepared.',
      'The work with young families has grown in every year.',
      'A clear call, told without big words.',
      'Answers hard questions with patience.',
    ],
    workOn: [
      'Finish the reading list before the next meeting.',
      'Delegate more: others are ready to help.',
      'Look after rest and family.',
      'Shorter sermons, with one thought each.',
      'Find a second mentor outside the home church.',
    ],
  },
  {
    language: 'es',
    percent: 26,
    first:
      words(`María, José, Carmen, Juan, Ana, Luis, Lucía, Carlos, Sofía, Jesús, Isabel, Ángel, Rosa, Miguel, Elena, Andrés, Verónica, Raúl, Inés,
      Martín, Beatriz, Tomás, Pilar, Joaquín, Noemí, Adrián, Rocío, Víctor, Guadalupe, Óscar`),
    last: words(`García, Rodríguez, Martínez, Hernández, López, González, Pérez, Sánchez, Ramírez, Torres, Flores, Rivera, Gómez, Díaz, Reyes, Morales,
      Cruz, Ortiz, Gutiérrez, Chávez, Ramos, Ruiz, Álvarez, Mendoza, Vásquez, Castillo, Jiménez, Moreno, Núñez, Muñoz, Peña, Ibáñez`),
    excited: [
      'Un don para enseñar con ejemplos sencillos.',
      'Ha abierto dos grupos de barrio desde cero.',
      'Sirve con alegría y con constancia.',
      'Las familias confían en su consejo.',
    ],
    workOn: [
      'Terminar los cursos abiertos.',
      'Cuidar el descanso y la familia.',
      'Preparar los sermones con más antelación.',
      'Leer más historia de la iglesia.',
    ],
  },
  {
    language: 'pt',
    percent: 10,
    first:
      words(`João, Conceição, Antônio, Inês, Tainá, José, Ângela, Luís, Mônica, Caetano, Glória, Estêvão, Beatriz, Sebastião, Cecília, Davi, Letícia,
      Tomás, Luísa, Simão`),
    last: words(`Silva, Santos, Oliveira, Souza, Pereira, Lima, Carvalho, Ferreira, Gonçalves, Araújo, Magalhães, Simões, Conceição, Assunção, Brandão,
      Falcão, Guimarães, Leitão, Nóbrega, Vilaça`),
    excited: ['Sabe ouvir; as famílias procuram a sua ajuda.', 'Ensina com clareza e bom humor.', 'O grupo de jovens dobrou em um ano.'],
    workOn: ['Concluir os cursos em aberto.', 'Preparar os sermões com mais antecedência.', 'Delegar mais tarefas.'],
  },
  {
    language: 'fr',
    percent: 9,
    first:
      words(`Élise, François, Aimée, Noël, Zoé, René, Hélène, Benoît, Chloé, Jérôme, Anaïs, Étienne, Cécile, Gaëlle, Maël, Solène, Théo, Inès, Raphaël,
      Agnès`),
    last: words(`Martin, Bernard, Lefèvre, Béranger, Châtelain, Dieudonné, Fontaine, Gérard, Hébert, Lemaître, Noël, Pélissier, Rivière, Sénéchal, Thévenet,
      Vallée, Bélanger, Côté, Gagné, Légaré`),
    excited: [
      'La musique rassemble ici trois générations.',
      'Une parole simple, toujours préparée.',
      'Une présence constante auprès des malades.',
    ],
    workOn: ['Approfondir la théologie des sacrements.', 'Déléguer davantage.', 'Terminer les deux cours ouverts.'],
  },
  {
    language: 'ko',
    percent: 9,
    first: words('민준, 서연, 지훈, 하은, 수진, 도윤, 지우, 예준, 서윤, 현우, 은지, 성민, 유진, 태현, 미영, 준호, 소영, 재원, 다은, 영수'),
    last: words('김, 이, 박, 최, 정, 강, 조, 윤, 장, 임, 한, 오, 서, 신, 권, 황'),
    excited: ['성경 언어에 대한 이해가 깊습니다.', '성도들을 한 사람 한 사람 잘 돌봅니다.', '질문에 차분하고 정직하게 답합니다.'],
    workOn: ['설교를 조금 더 짧게 준비하면 좋겠습니다.', '남은 두 과목을 마쳐야 합니다.', '휴식과 가정을 돌보십시오.'],
  },
]

/** The private field, as boards write it. */
export const boardNotes: readonly string[] = [
  'Ask the seminary for the missing transcript.',
  'One member abstained; the reasons are in the minutes.',
  'Conviene que el mentor lo visite este trimestre.',
  'Revoir dans six mois, avec la même commission.',
  'Pedir a segunda carta de referência.',
]

export const tags: readonly string[] = words(
  'first-interview, ordination, renewal, transfer, scholarship, chaplain, missions, youth, music, bivocational, on-leave, spouse-in-ministry',
)

export const places: readonly string[] =
  words(`Northern Lakes, Río Grande, Blue Ridge, Pacific Coast, Great Plains, Bay of Fundy, Sierra Nevada, Gulf, Prairie, Cascade, Delta,
  Piedmont, High Desert, Ozark, Chesapeake, Finger Lakes, Cumberland, Sandhills, Columbia, Mesa, Palmetto, Bluegrass, Saguaro, Redwood, Laurentide`)
