"""What is true of an invoice, in the terms of FA(3), one file for each subject.

Whoever knows the books fills these records; nothing here reads XML. All amounts are signed as KSeF wants them:
what a corrective invoice takes back is negative (art. 106j ust. 2 pkt 5 of the VAT act). What is not known is None, or
empty; codes are those of the schema, as text. Source of the fields: the logical structure FA(3),
http://crd.gov.pl/wzor/2025/06/25/13775/, and its information sheet.
"""

from .attachment import DataBlock, Table
from .correction import Correction, Reference
from .invoice import InvoiceFacts
from .notes import Annotations, NewVehicle, Register, Remark
from .parties import EU_PREFIXES, NAME_LIMIT, Address, AuthorizedParty, Contact, Party, ThirdParty
from .payment import BankAccount, Charge, Instalment, PartialAdvance, Payment, PaymentTerms, Settlement
from .rows import CENT, Line, Order, OrderLine, price_and_discount
from .taxes import EXEMPT, MARGIN, OSS, SUMS, TAXED, Sum, Tax, Vat
from .terms import Agreement, TransactionTerms, Transport
