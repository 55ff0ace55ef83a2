// What WhatsApp writes in place of a message, or behind it, in the languages for which it is known.

const list = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
const comparable = (text: string): string =>
  text
    .normalize("NFC")
    .toLowerCase()
    .replace(/[.。]$/u, "")

const OMITTED_IN_BRACKETS = list(`
  Media omitted
  Multimedia omitido
  Medien ausgeschlossen
  Médias omis
  Mídia oculta
  Arquivo de mídia oculto
  Ficheiro não revelado
  Media omessi
  Media omesso
  Media weggelaten
  Без медиафайлов
  Медіа пропущено
  Medya dahil edilmedi
  Media tidak disertakan
  pominięto multimedia
  Média vynechány
  תוכן מדיה לא נכלל
  המדיה לא נכללה
  تم استبعاد الوسائط
  省略多媒体文件
  忽略多媒体文件
  略過多媒體檔
  メディアは含まれていません
  미디어 파일을 제외했습니다`)

const OMITTED = list(`
  image omitted
  video omitted
  video note omitted
  audio omitted
  sticker omitted
  GIF omitted
  document omitted
  Contact card omitted
  Bild weggelassen
  Video weggelassen
  Audio weggelassen
  Sticker weggelassen
  GIF weggelassen
  Dokument weggelassen
  Kontaktkarte ausgelassen
  imagen omitida
  Video omitido
  audio omitido
  sticker omitido
  GIF omitido
  documento omitido
  Tarjeta de contacto omitida
  image absente
  vidéo absente
  audio omis
  sticker omis
  GIF retiré
  document manquant
  Fiche contact manquante
  immagine omessa
  video omesso
  audio omesso
  sticker non incluso
  GIF esclusa
  documento omesso
  Scheda contatto omessa
  imagem não revelada
  vídeo não revelado
  ficheiro de áudio não revelado
  sticker não revelado
  GIF não revelada
  documento não revelado
  Contacto não revelado
  imagem ocultada
  vídeo omitido
  áudio ocultado
  figurinha omitida
  afbeelding weggelaten
  video weggelaten
  audio weggelaten
  sticker weggelaten
  document weggelaten
  изображение отсутствует
  видео отсутствует
  аудио отсутствует
  стикер не добавлен
  GIF отсутствует
  документ отсутствует
  карточка контакта отсутствует
  зображення відсутнє
  відео відсутнє
  аудіо відсутнє
  документ пропущено
  obrázek vynechán
  video vynecháno
  dokument vynechán
  لم يتم إدراج الصورة
  لم يتم إدراج الفيديوهات
  لم يتم إدراج المقاطع الصوتية
  لم يتم إدراج المستند`)

const DELETED = list(`
  This message was deleted
  You deleted this message
  Se eliminó este mensaje
  Eliminaste este mensaje
  Este mensaje fue eliminado
  Diese Nachricht wurde gelöscht
  Du hast diese Nachricht gelöscht
  Ce message a été supprimé
  Vous avez supprimé ce message
  Questo messaggio è stato eliminato
  Hai eliminato questo messaggio
  Esta mensagem foi apagada
  Mensagem apagada
  Você apagou esta mensagem
  Apagou esta mensagem
  Dit bericht is verwijderd
  U hebt dit bericht verwijderd
  Данное сообщение удалено
  Вы удалили данное сообщение
  Це повідомлення було видалено
  Ви видалили це повідомлення
  Tato zpráva byla smazána
  Tuto zprávu jste smazal/a
  הודעה זו נמחקה
  تم حذف هذه الرسالة`)

const EDITED = list(`
  This message was edited
  Diese Nachricht wurde bearbeitet
  Se editó este mensaje
  Mensaje editado
  Ce message a été modifié
  Mensagem editada
  Questo messaggio è stato modificato
  Dit bericht is bewerkt
  Bu mesaj düzenlendi
  Сообщение изменено`)

const has = (texts: string[]): ((text: string) => boolean) => {
  const known = new Set(texts.map(comparable))
  return (text) => known.has(comparable(text))
}

export const isDeleted = has(DELETED)
export const isEdited = has(EDITED)
/** Of a text without marks: "<Media omitted>", "image omitted". */
export const isOmitted = has([...OMITTED_IN_BRACKETS.map((text) => `<${text}>`), ...OMITTED])
