"""Sample: documents in blobs. Counts the words of each, however large, without holding it whole in memory."""

from __future__ import annotations

import codecs
import logging

from ebb import Message, PoisonMessage

_log = logging.getLogger(__name__)


async def count_words(message: Message) -> None:
    """Log how many words the document has.

    Raises:
        PoisonMessage: it is not UTF-8 text.
    """
    decoder, words, inside = codecs.getincrementaldecoder("utf-8")(), 0, False
    try:
        async for chunk in message.chunks():
            for character in decoder.decode(chunk):
                words += not inside and not character.isspace()
                inside = not character.isspace()
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise PoisonMessage(f"{message.id} is not UTF-8 text: {error.reason}") from error
    _log.info("document %s has %s words", message.id, words)
